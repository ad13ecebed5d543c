"""Fuzzing: no generated request may cause an internal error of the server."""

import time
from collections.abc import Iterator

import pytest
from mutations import send_all
from served import Served


@pytest.fixture(scope="module")
def served() -> Iterator[Served]:
    server = Served("--max-megapixels", "1", "--quiet", "--timeout", "5")
    yield server
    server.end_well()


@pytest.mark.filterwarnings("ignore")
def test_the_openapi_description_holds(served: Served) -> None:
    # Seconds to import: not for every process that collects tests.
    import schemathesis
    from hypothesis import HealthCheck, Phase, given, settings
    from schemathesis.core.result import Ok
    from schemathesis.specs.openapi.checks import positive_data_acceptance

    schema = schemathesis.openapi.from_url(f"{served.address}/openapi.json")
    operations = [found.ok() for found in schema.get_all_operations() if isinstance(found, Ok)]
    assert len(operations) >= 7
    for operation in operations:

        @settings(
            max_examples=20 if operation.method == "post" else 5, derandomize=True,
            deadline=None, database=None, phases=[Phase.explicit, Phase.generate],
            suppress_health_check=list(HealthCheck),
        )  # fmt: skip
        @given(case=operation.as_strategy())
        def check(case: schemathesis.Case) -> None:
            # The schema cannot say that some bytes are not a picture.
            case.call_and_validate(excluded_checks=[positive_data_acceptance])

        check()


@pytest.mark.parametrize("count", [250, pytest.param(5000, marks=pytest.mark.slow)])
def test_uploads(served: Served, mnist, count: int) -> None:
    # The same requests again: caches are full after the first time, a leak grows every time.
    send_all(served, mnist.test_images, count, seed=0)
    memory = [served.metric("process_resident_memory_bytes")]
    for _ in range(4):
        statuses = send_all(served, mnist.test_images, count, seed=0)
        memory.append(served.metric("process_resident_memory_bytes"))
        if memory[-1] - memory[-2] < 10e6:
            break
    else:
        pytest.fail(f"memory grows: {memory}")
    assert statuses[200] > count / 20
    assert statuses[400] + statuses[422] > count / 5
    until = time.monotonic() + 20  # a request with half a body may still be open
    while served.metric("tenfold_pictures") or served.metric("tenfold_requests_in_flight") > 1:
        assert time.monotonic() < until
        time.sleep(0.1)
