"""The tolerances of the tests, each with its reason; a test that needs another one says why beside it.

They are absolute, for values of order 1, unless a test multiplies them by the largest value that it compares.
"""

FLOAT64_FEW_OPERATIONS = 1e-14
"""A handful of operations in float64: each rounds by at most 1.1e-16 of the value."""

FLOAT64_SUMS = 1e-13
"""Sums of some hundred products in float64: a kernel of 21x21 over values in [0, 1]."""

FLOAT64_MATHS = 1e-12
"""Any chain of well-conditioned steps in float64; a wrong formula is off by 1e-6 and more."""

FLOAT64_ILL_CONDITIONED = 1e-10
"""A root, an inverse or an exponential in float64, which amplifies rounding by up to 1e5."""

FLOAT64_LARGE_VALUES = 1e-9
"""Values of order 100 to 1,000 in float64: decibels, levels, pixel positions and their squares."""

STORED_FLOAT32 = 1e-7
"""A reference below 1 that was stored in float32: half a unit in the last place is 6e-8."""

FLOAT32_SAME_MATHS = 1e-6
"""The same maths in float32, added in another order: some units in the last place, 1.2e-7 each."""

FLOAT32_AGAINST_FLOAT64 = 2e-6
"""A sum of tens of products in float32 against float64."""

FLOAT32_LEVELS = 1e-4
"""Values up to 255 in float32, where a unit in the last place is 1.5e-5."""

FLOAT32_NETWORK = 1e-5
"""One network in float32 whose additions run in another order: tiles, quadrants, a rewritten layer."""

TORCH_AGAINST_ONNX = 1e-5
"""One network in two engines: thousands of float32 products in another order, a fused bias, another tanh."""

OFFICIAL_NETWORK = 1e-5
"""Against the vector of an official network, of its largest value: the vectors are within 2.3e-6 of float64."""

SAVED_PIXELS = 1
"""Levels between two ways to the same 8- or 16-bit file: a value within rounding of a half may go either way."""

PSNR_DB = 1e-3
"""Decibels: 1e-6 in every pixel moves 40 dB by 1e-3, and no table prints a third digit."""

SSIM = 1e-4
"""Structural similarity: a level in a few pixels; a wrong window or border moves it by 1e-3 and more."""
