"""`asahi governance`: who may use the system, and what holds for them."""

from __future__ import annotations

import click

from streams.cli.lazy import Entry, LazyCommands

COMMANDS = {
    "tenants": Entry("agents.governance.commands.subjects:tenants", "Organizations, and what holds for them."),
    "teams": Entry("agents.governance.commands.subjects:teams", "Teams of an organization."),
    "users": Entry("agents.governance.commands.subjects:users", "Users of an organization."),
    "keys": Entry("agents.governance.commands.keys:keys", "API keys: issue, rotate and revoke them."),
    "explain": Entry("agents.governance.commands.explain:explain", "What holds for somebody, and who decided it."),
    "budgets": Entry("agents.governance.commands.budgets:budgets", "What budgets stand at: spent, reserved, left."),
    "data-keys": Entry("agents.governance.commands.data_keys:data_keys", "Data keys: make, rotate and rewrap them."),
    "erase": Entry("agents.governance.commands.erase:erase", "Destroy the keys of content, and prove it."),
    "retain": Entry("agents.governance.commands.retain:retain", "Remove content that policies keep no longer."),
    "analysts": Entry(
        "agents.governance.commands.analysts:analysts", "Who may read the tables for one organization."
    ),
    "apply": Entry("agents.governance.commands.apply:apply", "Make the registry say what a file says."),
}


@click.group(cls=LazyCommands, entries=COMMANDS)
def governance() -> None:
    """Say who may use the system, what they may do and spend; every change is audited with who and why."""
