"""What serving code of every engine calls: configuration, accounts, policy, sequences, audit and metrics, in one place.

    from verdigris import serving
    opened = serving.open(engines.VLLM_V2, hook="before")       # at the start; raises, and the engine must not start
    serving.frontend(engines.VLLM_V2, hook="before").admit(request)   # in the frontend; Refused is HTTP 400
    sequence = opened.begin(request)                            # an answer; then as in verdigris.serving.sequence

`request` is a serving.Request. Parts: config (the file), account_keys, admission (policy), sequence, audit, metrics, opened. The
reference server's own are fields, writer, shapes, http and accounts.
"""

from verdigris.serving.admission import Admitted, Hook, Refused, Request
from verdigris.serving.opened import Engine, Frontend, Serving, check_version, frontend, open
from verdigris.serving.sequence import MARKED, NO_CHOICE, OFF, REPEATED, SHORT, SILENCE_SECONDS, SPECIAL, Sequence

__all__ = ["MARKED", "NO_CHOICE", "OFF", "REPEATED", "SHORT", "SILENCE_SECONDS", "SPECIAL", "Admitted", "Engine", "Frontend", "Hook", "Refused",
           "Request", "Sequence", "Serving", "check_version", "frontend", "open"]
