import torch

from kukkiri.training.soap import SOAP


def test_in_its_eigenbasis_a_badly_conditioned_quadratic_is_solved_quickly():
    """Adam needs axes; SOAP finds them: the same steps, and a thousandth of Adam's loss."""
    torch.manual_seed(0)
    basis = torch.linalg.qr(torch.randn(12, 12, dtype=torch.float64))[0]
    curvature = torch.logspace(0, -4, 12, dtype=torch.float64)

    def final_loss(make):
        weight = torch.nn.Parameter(torch.ones(3, 12, dtype=torch.float64))
        optimizer = make([weight])
        for step in range(400):
            for group in optimizer.param_groups:
                group["lr"] = 0.05 * (1 - step / 400)
            loss = ((weight @ basis).square() * curvature).sum()
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
        return float(loss.detach())

    assert final_loss(lambda p: SOAP(p, lr=0.05)) < 1e-3 * final_loss(lambda p: torch.optim.Adam(p, lr=0.05))


def test_the_first_step_moves_nothing_and_a_parameter_without_gradient_is_left_alone():
    used, unused = torch.nn.Parameter(torch.ones(2, 3)), torch.nn.Parameter(torch.ones(4))
    optimizer = SOAP([used, unused], lr=0.1)
    (used.sum()).backward()
    optimizer.step()
    assert torch.equal(used, torch.ones(2, 3))
    optimizer.step()
    assert not torch.equal(used, torch.ones(2, 3))
    assert torch.equal(unused, torch.ones(4))


def test_its_state_comes_back_from_a_state_dict():
    def run(interrupt):
        torch.manual_seed(1)
        layer = torch.nn.Conv2d(2, 3, 3)
        optimizer = SOAP(layer.parameters(), lr=0.01)
        for step in range(30):
            if step == 17 and interrupt:
                state = optimizer.state_dict()
                optimizer = SOAP(layer.parameters(), lr=0.01)
                optimizer.load_state_dict(state)
            inputs = torch.rand(2, 2, 8, 8, generator=torch.Generator().manual_seed(step))
            optimizer.zero_grad()
            layer(inputs).square().mean().backward()
            optimizer.step()
        return layer.weight.detach()

    assert torch.equal(run(interrupt=False), run(interrupt=True))


def test_a_gradient_of_low_rank_and_dead_inputs_still_gives_bases():
    """As of a widened network: many equal eigenvalues, on which LAPACK in float32 can fail."""
    generator = torch.Generator().manual_seed(2)
    gradient = torch.randn(48, 3, generator=generator) @ torch.randn(3, 432, generator=generator) * 1e-4
    gradient[:, 300:] = 0
    weight = torch.nn.Parameter(torch.zeros(48, 432))
    optimizer = SOAP([weight], lr=0.1)
    for _ in range(2):
        weight.grad = gradient.clone()
        optimizer.step()
    for name, side in (("row_basis", 48), ("column_basis", 432)):
        basis = optimizer.state[weight][name]
        torch.testing.assert_close(basis.T @ basis, torch.eye(side), atol=1e-5, rtol=0)  # float32, of up to 432 columns
    assert torch.isfinite(weight).all()
    assert weight[:, :300].abs().max() > 1e-3
    assert weight[:, 300:].abs().max() < 1e-6
