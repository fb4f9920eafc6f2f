"""What import-linter cannot say of the rooms; the arrows between them are in pyproject.toml."""

import grimp
import pytest

ROOMS = [
    *("accounts", "tags", "audience", "content", "campaigns", "tracking"),
    *("delivery", "stats", "splittests", "webhooks", "api", "operations", "config"),
]


@pytest.fixture(scope="module")
def imports():
    return grimp.build_graph(*ROOMS, cache_dir=None)


def is_admin(module):
    return "admin" in module.split(".")[1:]


def test_nothing_but_admin_modules_and_the_wiring_imports_admin_modules(imports):
    admin_modules = [module for module in imports.modules if is_admin(module)]

    trespassers = {
        f"{importer} imports {module}"
        for module in admin_modules
        for importer in imports.find_modules_that_directly_import(module)
        if not is_admin(importer) and not importer.startswith("config")
    }

    assert admin_modules
    assert not trespassers


def test_only_admin_modules_and_the_wiring_know_the_admin_theme():
    graph = grimp.build_graph(*ROOMS, include_external_packages=True, cache_dir=None)

    strangers = {
        module
        for module in graph.find_modules_that_directly_import("unfold")
        if not is_admin(module) and not module.startswith("config")
    }

    assert not strangers
