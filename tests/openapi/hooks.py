"""What schemathesis does otherwise: answers may hold no field that is not described, and stores that exist are asked for, too."""

import os
import re

import schemathesis

STORES = os.environ["FLEETWRIGHT_STORES"].split()
NAME = re.compile(r"[a-z0-9]([-a-z0-9]{0,38}[a-z0-9])?")


def close(schema):
    """Leaves no room for fields that are not named. The description itself does: fields may be added."""
    if isinstance(schema, dict):
        for value in schema.values():
            close(value)
        if schema.get("type") == "object" and isinstance(schema.get("properties"), dict):
            schema.setdefault("additionalProperties", False)
    elif isinstance(schema, list):
        for value in schema:
            close(value)


@schemathesis.hook
def before_load_schema(context, raw_schema):
    close(raw_schema["components"]["schemas"])
    # Without its own name for the format schemathesis makes no quoted text for a header, and fills in a bare word.
    raw_schema["components"]["parameters"]["If-Match"]["schema"]["format"] = "_if_match_header"


@schemathesis.hook
def map_path_parameters(context, path_parameters):
    name = path_parameters.get("name") if path_parameters else None
    # A name that breaks the rules is left as it is: it was meant to.
    if isinstance(name, str) and NAME.fullmatch(name) and len(name) % 3:
        path_parameters["name"] = STORES[len(name) % len(STORES)]
    return path_parameters
