"""The part of docs/policies.md that is written from the rules themselves.

Run `.venv/bin/python -m tests.contracts.policy_docs` after a change of a rule's texts.
"""

import textwrap

from policy.rule import KINDS, Rule
from policy.rules import RULES
from tests.stacks import ROOT

PAGE = ROOT / "docs" / "policies.md"
BEGIN, END = "<!-- rules: written from policy/rules.py -->\n", "<!-- rules: end -->"
_JUDGES = {
    "resource": "Each resource by itself, before it is made.",
    "stack": "All resources together, at the end of a preview.",
    "steps": "What an update would do.",
}


def section(rule: Rule) -> str:
    """One rule."""
    levels = ", ".join(f"{kind} {rule.levels[kind]}" for kind in KINDS)
    points = (f"**Looks at:** {rule.how} {_JUDGES[rule.judges]}", f"**Do:** {rule.fix}", f"**Level:** {levels}.")
    listed = "\n".join(_wrapped(f"- {point}", "  ") for point in points)
    return f"### {rule.id}\n\n{_wrapped(rule.why)}\n\n{listed}\n"


def _wrapped(text: str, indent: str = "") -> str:
    return textwrap.fill(text, 118, subsequent_indent=indent, break_long_words=False, break_on_hyphens=False)


def written(text: str) -> str:
    """A page with the rules' sections as they are now."""
    before, _, rest = text.partition(BEGIN)
    _, _, after = rest.partition(END)
    return f"{before}{BEGIN}\n{chr(10).join(map(section, RULES))}\n{END}{after}"


if __name__ == "__main__":
    PAGE.write_text(written(PAGE.read_text(encoding="utf-8")), encoding="utf-8")
