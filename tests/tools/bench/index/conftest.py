from __future__ import annotations

import pytest

from tools.bench.index.data import Dataset, Spec, generate

SPEC = Spec(rows=3001, dim=32, queries=60)


@pytest.fixture(scope="session")
def dataset(tmp_path_factory: pytest.TempPathFactory) -> Dataset:
    return generate(tmp_path_factory.mktemp("dataset"), SPEC)
