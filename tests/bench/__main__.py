"""Measures what the page for contributors says of speed: `python -m tests.bench`.

On a machine that does nothing else, as what is not counted in instructions is measured by the clock. First the start
of a run and large months, then the action's step.
"""

from itertools import chain

from tests.bench import action, large, start
from tests.bench.measuring import show

show(chain(start.rows(), large.rows()))
action.main()
