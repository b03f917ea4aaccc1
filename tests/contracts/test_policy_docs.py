"""Every rule of the policy pack has its section in the documentation, and the page says what the rules say."""

import re
from datetime import date, timedelta

import yaml

from policy.rules import RULES
from policy.world import LONGEST_ALLOWANCE, declared
from tests.contracts.policy_docs import PAGE, written

TEXT = PAGE.read_text(encoding="utf-8")


def test_the_page_has_each_rule_as_it_is() -> None:
    assert written(TEXT) == TEXT, "run: .venv/bin/python -m tests.contracts.policy_docs"
    headings = re.findall(r"^### ([a-z-]+)$", TEXT, re.MULTILINE)
    assert headings == [rule.id for rule in RULES]


def test_a_rule_whose_text_changed_would_be_noticed() -> None:
    heading = f"### {RULES[0].id}\n"
    changed = TEXT.replace(heading, f"{heading}Because.")
    assert changed != TEXT
    assert written(changed) == TEXT


def test_the_declarations_that_the_page_shows_can_be_used() -> None:
    (shown,) = re.findall(r"^```yaml\n(.*?)^```", TEXT, re.DOTALL | re.MULTILINE)
    data = yaml.safe_load(shown)
    until: date = data["allowances"][0]["until"]
    said = declared(data, until - timedelta(days=1))
    assert not said.faults
    assert said.monitoring
    assert said.shared
    assert said.environments
    assert said.allowances
    assert f"{LONGEST_ALLOWANCE} days" in TEXT
