"""Read an SBOM document with the reference reader of its format: complaints, then how many packages it has."""

import sys


def read_cyclonedx(path):
    import json

    from cyclonedx.schema import SchemaVersion
    from cyclonedx.validation.json import JsonStrictValidator

    text = open(path).read()
    error = JsonStrictValidator(SchemaVersion.V1_6).validate_str(text)
    packages = [component for component in json.loads(text)["components"] if "purl" in component]
    return ([str(error)] if error else []), len(packages)


def read_spdx(path):
    from spdx_tools.spdx.parser.parse_anything import parse_file
    from spdx_tools.spdx.validation.document_validator import validate_full_spdx_document

    document = parse_file(path)
    complaints = validate_full_spdx_document(document, "SPDX-2.3")
    packages = [
        package
        for package in document.packages
        if any(reference.reference_type == "purl" for reference in package.external_references)
    ]
    return [complaint.validation_message for complaint in complaints], len(packages)


READERS = {"cyclonedx": read_cyclonedx, "spdx": read_spdx}
complaints, packages = READERS[sys.argv[1]](sys.argv[2])
for complaint in complaints[:20]:
    print(complaint)
print(packages)
