"""What a request may be, before it costs anything: whose it is, and whether it can be marked."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

import verdigris
from verdigris import gateway
from verdigris.serving.config import Config

# Where a mark is applied: before temperature (bias); after truncation, on the host (distribution); after it, as a mask times probabilities
# of a device.
Hook = Literal["before", "after", "after_device"]
SMALLEST_ALLOW_LIST = 64


class Refused(ValueError):
    """A request that is not served: HTTP 400. `kind` is the class: mac, account, greedy, beams, bias, allow_list, policy or audit.

    account, request: of the audit line, where who may say so has said so; never told to the client.
    """

    status = 400

    def __init__(self, kind: str, message: str, account: str | None = None, request: str | None = None) -> None:
        super().__init__(f"{kind}: {message}")
        self.kind, self.account, self.request = kind, account, request


@dataclass(frozen=True)
class Request:
    """What a request says, in the same words for every engine.

    fields       its flat members, of which those that begin with verdigris_ are read (vllm_xargs, custom_params, an argument)
    temperature  as the client gave it
    greedy       whether the engine will take the largest logit
    logit_bias   id to nats
    allowed_ids  ids that alone may come; None: all. An empty list is one of no ids
    beams        2 and more: beam search
    """

    fields: Mapping[str, Any] = field(default_factory=dict)
    temperature: float = 1.0
    greedy: bool = False
    logit_bias: Mapping[int, float] = field(default_factory=dict)
    allowed_ids: Collection[int] | None = None
    beams: int = 1


@dataclass(frozen=True)
class Admitted:
    """A request that may be served. `unmarked`: why it has no mark, policy or greedy; None: it is marked."""

    account: str | None
    request: str | None
    unmarked: str | None


class Admission:
    """The rules of a configuration. `known`: whether a label has a key; `beams`: whether beams pass the adapter. Any number of threads."""

    def __init__(self, config: Config, profile: verdigris.Profile, argmax: bool, known: Callable[[str], bool], beams: bool = True) -> None:
        self._config, self._known = config, known
        self._gateway_key = gateway.load_key(config.gateway_key) if config.gateway_key is not None else None
        self._unbiased = profile.scheme != "green"
        self._beams = beams
        self._argmax = argmax and profile.argmax_at_zero_temperature

    def _who(self, fields: Mapping[str, Any], waited: bool) -> tuple[str | None, str | None, bool]:
        """Label, log id, and whether the client wants a mark."""
        source = self._config.source
        if source == "signed":
            assert self._gateway_key is not None
            try:
                signed = gateway.verify(self._gateway_key, fields, now=-1 if waited else None)
            except gateway.BadFields as error:
                raise Refused("mac", str(error)) from None
            return signed.account, signed.request, signed.mark
        request = fields.get("verdigris_request")
        if request is not None and not gateway.is_label(request):
            raise Refused("account", "verdigris_request must be a label")
        if source == "gateway":
            label = fields.get("verdigris_account")
            if not gateway.is_label(label):
                raise Refused("account", "verdigris_account must be a label")
            try:
                return label, request, gateway.mark_of(fields)
            except gateway.BadFields as error:
                raise Refused("policy", str(error), label, request) from None
        for name in gateway.FIELDS:
            if name != "verdigris_request" and name in fields:
                raise Refused("account", f"{name} is not taken here: account.source is {source}", self._config.label, request)
        return self._config.label, request, True

    def _wants_mark(self, fields: Mapping[str, Any], wanted: bool) -> bool:
        mode = self._config.mode
        if mode == "enforce":
            if not wanted:
                raise Refused("policy", "verdigris_mark 0: every answer is marked here")
            return True
        return wanted and "verdigris_mark" in fields if mode == "opt_in" else wanted

    def admit(self, request: Request, *, waited: bool = False) -> Admitted:
        """Raises Refused. waited: it was admitted before, so its time may have passed meanwhile."""
        account, name, wanted = self._who(request.fields, waited)
        try:
            if account is not None and not self._known(account):
                raise Refused("account", "unknown account")
            return Admitted(account, name, self._unmarked(request, wanted))
        except Refused as refusal:
            refusal.account, refusal.request = account, name
            raise

    def _unmarked(self, request: Request, wanted: bool) -> str | None:
        """Why an answer has no mark, None where it has one; raises Refused."""
        if not self._wants_mark(request.fields, wanted):
            return "policy"
        if request.beams > 1 and not self._beams:
            raise Refused("beams", "this engine's beam search goes on from log-probabilities before the mark")
        if request.beams > 1 and self._unbiased:
            raise Refused("beams", "beam search undoes an unbiased mark")
        cap = self._config.max_logit_bias
        # Not `abs(bias) > cap`, which a NaN passes.
        if any(not abs(bias) <= cap for bias in request.logit_bias.values()):
            raise Refused("bias", f"logit_bias must be from {-cap:g} to {cap:g}")
        if request.allowed_ids is not None and len(set(request.allowed_ids)) < SMALLEST_ALLOW_LIST:
            raise Refused("allow_list", f"a list of allowed ids must have at least {SMALLEST_ALLOW_LIST}")
        if request.greedy and not self._argmax:
            if self._config.greedy == "refuse":
                raise Refused("greedy", "temperature 0 cannot be marked here; ask for more")
            return "greedy"
        return None
