"""Holds documents against the specification of OpenAPI 3.1."""

import json
import os

from openapi_spec_validator import OpenAPIV31SpecValidator, validate

for path in os.environ["DOCUMENTS"].split(":"):
    with open(path) as file:
        validate(json.load(file), cls=OpenAPIV31SpecValidator)
print("valid")
