"""Drift of Vault: what each declared path grants beside what was declared, and paths that nobody declared."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from bulkhead.drift import vault_added
from bulkhead.drift.compare import ABSENT, Delta, differences, fields
from bulkhead.drift.elsewhere import NOTHING, Elsewhere
from bulkhead.drift.finding import Finding, Findings
from bulkhead.drift.report import HIDDEN, Difference, Noise, say
from bulkhead.drift.vault_forms import FORMS, Form, essential, kv_data, kv_metadata, kv_metadata_live, snake
from bulkhead.drift.vault_path import Path
from bulkhead.drift.vault_server import without_credentials

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from bulkhead.drift.declared import Declaration, Declared
    from bulkhead.drift.vault_audit import Audit
    from bulkhead.drift.vault_forms import Fields
    from bulkhead.drift.vault_server import Vault

KV: Final = "vault:kv/secretV2:SecretV2"


def compare(declaration: Declaration, vault: Vault, audit: Audit, elsewhere: Elsewhere = NOTHING) -> Findings:
    """All that a stack declared at Vault, and what stands in its mounts and on its names besides."""
    found = Findings()
    for one in declaration.resources:
        if one.resource.package != "vault":
            continue
        try:
            found.add(_compare(one, vault, audit))
        except PermissionError as error:
            found.cannot_decide(one, str(error))
    anchor = next((one for one in declaration.resources if one.resource.package == "vault"), None)
    try:
        found.drifts += vault_added.compare(declaration, vault, audit, elsewhere)
    except PermissionError as error:
        if anchor is not None:
            found.cannot_decide(anchor, str(error))
    return found


def _compare(one: Declared, vault: Vault, audit: Audit) -> Findings:
    found = Findings()
    if one.type == KV and (one.inputs.value.get("disableRead") or one.inputs.value.get("dataJsonWoVersion")):
        found.cannot_decide(one, "the program says that its data is not to be read, or has it in no state")
        return found
    if one.type == KV:
        found.compared = 1
        found.drifts += _kv(one, vault, audit)
        return found
    form = FORMS.get(one.type)
    if form is None:
        found.cannot_decide(one, f"no comparison for {one.type}")
        return found
    found.compared = 1
    inputs: Mapping[str, Any] = one.inputs.value
    here = Path(one, vault, audit, form.path(inputs))
    declared = essential(form.declared(inputs))
    answer = vault.read(here.path)
    if answer is None:
        found.drifts.append(_missing(here, form, declared, inputs))
        return found
    live = essential(form.live(answer))
    deltas: list[Delta] = []
    for delta in differences(declared, live):
        if _is_ignored(delta, one):
            path = f"{here.path}: {delta}"
            found.noise.append(Noise(name=one.name, object=f"Vault {here.path}", path=path, known="ignored"))
        else:
            deltas.append(delta)
    if deltas:
        payload = form.payload(declared, live, inputs)
        target = form.writes(inputs) if form.writes else here.path
        fixed = {delta.path[0] for delta in deltas} & form.fixed
        repair = None if fixed else lambda: vault.write(target, payload)
        found.drifts.append(here.finding(tuple(map(_shown, deltas)), repair, before=live))
    return found


def _is_ignored(delta: Delta, one: Declared) -> bool:
    ignored = {snake(path.rpartition(".")[2]) for path in one.ignored}
    return bool(ignored & {str(step) for step in delta.path})


def _missing(here: Path, form: Form, declared: Fields, inputs: Mapping[str, Any]) -> Finding:
    if form.writes is not None:  # a mount: with it went all that was in it
        return here.finding((), None)
    payload = form.payload(declared, {}, inputs)
    return here.finding((), lambda: here.vault.write(here.path, payload), remedy="made again as it was declared")


def _shown(delta: Delta) -> Difference:
    def text(value: Any) -> str | None:
        return None if value is ABSENT else without_credentials(say(value))

    return Difference(path=str(delta), declared=text(delta.declared), live=text(delta.live))


def _kv(one: Declared, vault: Vault, audit: Audit) -> Iterator[Finding]:
    inputs: Mapping[str, Any] = one.inputs.value
    mount, name = inputs["mount"], inputs["name"]
    here = Path(one, vault, audit, f"{mount}/data/{name}")
    wanted = kv_data(inputs)
    stored = vault.read(here.path)
    current: Fields | None = (stored or {}).get("data")
    version = int(fields(fields(stored).get("metadata")).get("version") or 0)

    def write() -> None:
        vault.write(here.path, {"data": wanted, "options": {"cas": version}})

    if current is None:
        yield here.finding((), lambda: vault.write(here.path, {"data": wanted}), remedy="written as a new version")
    elif found := list(differences(wanted, current)):
        shown = tuple(
            Difference(
                path=f"data.{delta}",
                declared=None if delta.declared is ABSENT else HIDDEN,
                live=None if delta.live is ABSENT else HIDDEN,
            )
            for delta in found
        )
        yield here.finding(shown, write, remedy="written as a new version; the old one stays in its history")
    about = Path(one, vault, audit, f"{mount}/metadata/{name}")
    declared, answer = essential(kv_metadata(inputs)), vault.read(about.path)
    if answer is None:
        return
    live = essential(kv_metadata_live(answer))
    if deltas := list(differences(declared, live)):
        payload: Fields = {"custom_metadata": {}, "cas_required": False, "max_versions": 0}
        payload |= {"delete_version_after": "0s", **declared}
        yield about.finding(tuple(map(_shown, deltas)), lambda: vault.write(about.path, payload), before=live)
