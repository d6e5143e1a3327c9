"""What the tests of helpers.counting share: how arbitrary accountings are drawn, and how many examples are tried."""

from hypothesis import settings
from hypothesis import strategies as st

from helpers import Accounting
from helpers.counting.cost import BIASES

PROPERTY = settings(max_examples=40, deadline=None, derandomize=True)

small = st.integers(1, 6)
seeds = st.integers(0, 2**16)
accountings = st.builds(
    Accounting,
    biases=st.sampled_from(BIASES),
    additive_mask=st.booleans(),
    final_norm=st.booleans(),
    one_pass_variance=st.booleans(),
    divide_last=st.booleans(),
    hoist=st.booleans(),
)
