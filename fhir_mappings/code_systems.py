"""Code systems: their one spelling here, and how a code of each is compared."""

from __future__ import annotations

BASE = "https://osteohooks.org/fhir"
LOCAL = f"{BASE}/CodeSystem/bone-metastasis"
ADVISORY = f"{BASE}/CodeSystem/advisory"
OVERRIDE_REASON = f"{BASE}/CodeSystem/override-reason"
CONCEPT = f"{BASE}/ValueSet"  # as the target system of a site's ConceptMap: its codes are our concept ids
LOINC = "http://loinc.org"
SNOMED = "http://snomed.info/sct"
RXNORM = "http://www.nlm.nih.gov/research/umls/rxnorm"
ATC = "http://www.whocc.no/atc"
ICD10 = "http://hl7.org/fhir/sid/icd-10"
ICD10CM = "http://hl7.org/fhir/sid/icd-10-cm"
ICDO3 = "http://terminology.hl7.org/CodeSystem/icd-o-3"
HCPCS = "http://www.cms.gov/Medicare/Coding/HCPCSReleaseCodeSets"
CPT = "http://www.ama-assn.org/go/cpt"
CDT = "http://www.ada.org/cdt"
HGNC = "http://www.genenames.org"
DICOM = "http://dicom.nema.org/resources/ontology/DCM"
SERVICE_TYPE = "http://terminology.hl7.org/CodeSystem/service-type"

# Written here without http(s):// and in lower case, the way system_uri() looks them up.
_ALIASES = {
    "loinc": LOINC,
    "urn:oid:2.16.840.1.113883.6.1": LOINC,
    "snomed": SNOMED,
    "snomed-ct": SNOMED,
    "snomedct": SNOMED,
    "urn:oid:2.16.840.1.113883.6.96": SNOMED,
    "rxnorm": RXNORM,
    "urn:oid:2.16.840.1.113883.6.88": RXNORM,
    "atc": ATC,
    "www.whocc.no/atc/": ATC,
    "urn:oid:2.16.840.1.113883.6.73": ATC,
    "urn:oid:2.16.840.1.113883.6.3": ICD10,
    "urn:oid:2.16.840.1.113883.6.90": ICD10CM,
    "urn:oid:2.16.840.1.113883.6.43.1": ICDO3,
    "terminology.hl7.org/codesystem/hcpcs-level-ii": HCPCS,
    "urn:oid:2.16.840.1.113883.6.285": HCPCS,
    "urn:oid:2.16.840.1.113883.6.12": CPT,
    "terminology.hl7.org/codesystem/cd2": CDT,
    "urn:oid:2.16.840.1.113883.6.13": CDT,
    "www.genenames.org/geneid": HGNC,
    "urn:oid:2.16.840.1.113883.6.281": HGNC,
    "urn:oid:1.2.840.10008.2.16.4": DICOM,
}
_KNOWN = (LOCAL, CONCEPT, LOINC, SNOMED, RXNORM, ATC, ICD10, ICD10CM, ICDO3, HCPCS, CPT, CDT, HGNC, DICOM, SERVICE_TYPE)
_ALIASES |= {uri.split("://")[1].lower(): uri for uri in _KNOWN}
_AS_WRITTEN = {uri: uri for uri in _KNOWN}  # how nearly everyone writes them: looked up before anything is taken apart
_CLASSIFICATIONS = frozenset({ICD10, ICD10CM, ATC})  # dots, spaces, dagger and asterisk do not matter in their codes
NO_HIERARCHY = frozenset({LOINC, SNOMED, RXNORM})  # "is-a" there needs the release files, which are not shipped
_CLASSIFICATION_MARKS = str.maketrans("", "", ". *†+!")

Coding = tuple[str, str]  # (system, code)


def coding(system: str, code: str) -> Coding:
    """A coding as it is looked up: the system in its one spelling, a classification's code without dots."""
    system = system_uri(system)
    if system in _CLASSIFICATIONS:
        return system, code.upper().translate(_CLASSIFICATION_MARKS)
    return system, code.strip()


def system_uri(system: str) -> str:
    """The one spelling of a system: short names, OIDs, https, a trailing slash, a version and SNOMED editions."""
    if (known := _AS_WRITTEN.get(system)) is not None:
        return known
    plain = system.strip().split("|")[0].rstrip("/").lower().removeprefix("http://").removeprefix("https://")
    if plain.startswith("snomed.info/sct/"):
        return SNOMED
    return _ALIASES.get(plain, system.strip())
