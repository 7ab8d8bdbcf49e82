"""The identities, on the definition and on the fast form."""

import numpy as np
import pytest

from conv_oracle.formulas import definition
from conv_oracle.truth import fast
from sweep.identities import RELATIONS


@pytest.mark.parametrize("relation", RELATIONS, ids=lambda relation: relation.__name__)
@pytest.mark.parametrize(("passes", "draws"), [(definition, 6), (fast, 60)], ids=["definition", "fast"])
def test_identity(relation, passes, draws, seed):
    random = np.random.default_rng([seed, draws])
    for _ in range(draws):
        relation(passes, random)
