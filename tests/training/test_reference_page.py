from tests.extending_pages import ROOT, run_tool

PAGE = ROOT / "docs" / "reference" / "recipes.md"


def test_the_tables_of_the_page_are_current():
    page = run_tool("list_recipe_fields")["make_page"]()
    assert page == PAGE.read_text(encoding="utf-8"), "run python tools/list_recipe_fields.py --write"
