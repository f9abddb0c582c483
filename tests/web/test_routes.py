"""What a route is given costs no task of its own (see `routes` in web/app.py)."""

from pathlib import Path

from tests.accounts.people import running


async def test_what_a_route_is_given_comes_in_turn(tmp_path: Path) -> None:
    async with running(tmp_path) as place:
        batches = [
            model.dependency_batches
            for route in place.app.http.routes
            for _, model in getattr(route, "route_handler_map", {}).values()
        ]
    assert any(len(given) > 1 for given in batches)
    assert all(len(at_once) == 1 for given in batches for at_once in given)
