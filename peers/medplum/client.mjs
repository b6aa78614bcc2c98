// Drives the CDS Hooks client of @medplum/core. Standard input: {"service": base of the CDS service, "fhir": base of
// the FHIR server, "calls": [{"name", "id", "context", "extension", "fetch"}]}. Standard output: {"services": [...],
// "answers": {name: {"request", "response"} or {"error"}}}. With "fetch" the client sends no prefetch, only where its
// FHIR server is.
import { MedplumClient, buildCdsRequest } from '@medplum/core';
import { text } from 'node:stream/consumers';

const { service, fhir, calls } = JSON.parse(await text(process.stdin));
const at = new URL(fhir);
const medplum = new MedplumClient({
  baseUrl: at.origin,
  fhirUrlPath: at.pathname,
  cdsServicesUrl: `${service}/cds-services`,
});
const user = { resourceType: 'Practitioner', id: 'example' };

async function answer({ id, context, extension, fetch }) {
  const found = services.find((one) => one.id === id);
  const asked = await buildCdsRequest(medplum, user, fetch ? { ...found, prefetch: undefined } : found, context);
  const request = { ...asked, extension, ...(fetch && { fhirServer: fhir }) };
  return { request, response: await medplum.callCdsService(id, request) };
}

const { services } = await medplum.getCdsServices();
const answers = {};
for (const call of calls) {
  answers[call.name] = await answer(call).catch((error) => ({ error: String(error) }));
}
process.stdout.write(JSON.stringify({ services, answers }));
