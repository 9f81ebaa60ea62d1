"""JSON as strict as a configuration or a request needs it: no member twice, no NaN, no endless nesting."""

from __future__ import annotations

import json
from typing import Any


class NotJson(ValueError):
    """Why bytes are no JSON, without the text around the fault, which may be the caller's. `line`: 0 where none is known."""

    def __init__(self, reason: str, line: int = 0) -> None:
        super().__init__(reason)
        self.line = line


def parse(content: bytes) -> object:
    """The one value that the bytes are; raises NotJson."""

    def no_constant(name: str) -> float:
        raise NotJson(f"{name} is no JSON number")

    def no_twin(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        members = dict(pairs)
        if len(members) != len(pairs):
            raise NotJson("a member occurs twice")
        return members

    try:
        return json.loads(content.decode("utf-8"), parse_constant=no_constant, object_pairs_hook=no_twin)
    except RecursionError:
        raise NotJson("nested too deeply") from None
    except UnicodeDecodeError as error:
        raise NotJson(f"no UTF-8 at byte {error.start}") from None
    except json.JSONDecodeError as error:
        raise NotJson(error.msg, error.lineno) from None
    except NotJson:
        raise
    except ValueError:  # of int(), whose own words are for who wrote the program
        raise NotJson("a number is too long") from None
