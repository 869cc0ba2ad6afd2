"""The pairwise functions of non-local attention, with the matrix of all pairs and without it.

Everywhere ``queries`` are (N, L, D), ``keys`` (N, K, D), ``values`` (N, K, V). The concatenation takes the
projections instead, (N, L, 1) and (N, K, 1): w^T [theta; phi] = w_1^T theta + w_2^T phi, so that the
C' x L x K tensor of concatenated features is not needed.
"""

from typing import Literal

import torch
import torch.nn.functional as F  # noqa: N812
from torch import Tensor

__all__ = ["Pairwise", "affinity", "respond", "respond_plain"]

Pairwise = Literal["gaussian", "embedded_gaussian", "dot_product", "concatenation"]

LARGEST_MATRIX = 2**24
"""Numbers in one block of queries times keys: 64 MB of float32."""


def affinity(queries: Tensor, keys: Tensor, *, pairwise: Pairwise) -> Tensor:
    """Compute f(x_i, x_j) / normalizer, (N, L, K): softmax over the keys for the Gaussians, 1/K for the others.

    Reference: Wang et al., Non-local Neural Networks, CVPR 2018, arXiv:1711.07971, section 3.2; without the
    1/sqrt(D) of the authors' later code.
    """
    if pairwise == "concatenation":
        return F.relu(queries + keys.mT) / keys.shape[1]
    products = queries @ keys.mT
    return products / keys.shape[1] if pairwise == "dot_product" else products.softmax(dim=-1)


def respond_plain(queries: Tensor, keys: Tensor, values: Tensor, *, pairwise: Pairwise) -> Tensor:
    """Compute y_i = sum_j f(x_i, x_j) g(x_j) / normalizer, (N, L, V), through the L x K matrix."""
    return affinity(queries, keys, pairwise=pairwise) @ values


def respond(queries: Tensor, keys: Tensor, values: Tensor, *, pairwise: Pairwise) -> Tensor:
    """Compute the same as :func:`respond_plain` in memory proportional to L + K, not to L * K.

    The dot product is associative, so that keys are multiplied by values first; the concatenation is piecewise
    linear in the query's number, so that sorted keys and cumulative sums give it in O((L + K) log K); the Gaussians
    run fused attention over blocks of queries. While a graph is exported the sizes are symbols and the plain form is
    traced.
    """
    if torch.compiler.is_exporting():
        return respond_plain(queries, keys, values, pairwise=pairwise)
    if pairwise == "dot_product":
        return queries @ (keys.mT @ values) / keys.shape[1]
    if pairwise == "concatenation":
        return _sum_rectified(queries[..., 0], keys[..., 0], values)
    return _attend_fused(queries, keys, values)


def _attend_fused(queries: Tensor, keys: Tensor, values: Tensor) -> Tensor:
    """Compute softmax(queries keys^T) values by fused attention, in blocks in case the device has no fused kernel.

    The fused kernels require four axes, contiguous features, and as many features in values as in queries; zeros pad
    the shorter ones.
    """
    block = max(1, LARGEST_MATRIX // (keys.shape[0] * keys.shape[1]))
    features, wanted = values.shape[2], max(queries.shape[2], values.shape[2])
    queries, keys, values = (
        F.pad(rows, (0, wanted - rows.shape[2])).unsqueeze(1).contiguous() for rows in (queries, keys, values)
    )
    blocks = torch.split(queries, block, dim=2)
    parts = [F.scaled_dot_product_attention(part, keys, values, scale=1.0) for part in blocks]
    return torch.cat(parts, dim=2)[:, 0, :, :features]


def _sum_rectified(a: Tensor, b: Tensor, values: Tensor) -> Tensor:
    """Compute 1/K sum_j relu(a_i + b_j) v_j: only keys with b_j > -a_i count, the first ones after sorting.

    The cumulative sums are float64, because their differences may cancel.
    """
    ordered, order = b.sort(dim=1, descending=True)
    count = torch.searchsorted(-ordered.detach(), a.detach().contiguous())
    sorted_values = values.gather(1, order[..., None].expand_as(values)).double()
    weighted = sorted_values * ordered[..., None]
    sums = torch.cat((sorted_values, weighted), dim=2).cumsum(dim=1)
    sums = F.pad(sums, (0, 0, 1, 0))  # zero where no key counts
    chosen = sums.gather(1, count[..., None].expand(-1, -1, sums.shape[2]))
    linear, constant = chosen.chunk(2, dim=2)
    return ((a[..., None] * linear + constant) / b.shape[1]).to(values.dtype)
