"""A ViT, a triangle step, and the digits: each against a loop, a symmetry, or the file that it comes from."""

import hashlib

import pytest
import torch
from tensors import largest, normal

from course.models.triangle import PairNet, Triangle
from course.models.vit import ViT, patches
from course.training.pictures import FILE, digits


def test_patches_equal_a_loop():
    pictures = normal(3, 6, 9)
    squares = [pictures[:, i : i + 3, j : j + 3].flatten(1) for i in (0, 3) for j in (0, 3, 6)]
    assert torch.equal(patches(pictures, 3), torch.stack(squares, dim=1))


def test_squares_that_do_not_fill_a_picture_are_refused():
    with pytest.raises(ValueError, match="5 × 4 is not filled by squares of 2 × 2"):
        patches(torch.zeros(1, 5, 4), 2)


@pytest.mark.parametrize("has_places", [True, False])
def test_only_places_tell_a_shuffled_picture_from_another(has_places):
    torch.manual_seed(0)
    model = ViT(8, 2, 10, 32, has_places=has_places).double().eval()
    picture = normal(2, 8, 8)
    turned = torch.cat([picture[:, 4:], picture[:, :4]], dim=1)  # the lower half above: patches move as wholes
    gap = largest(model(picture), model(turned))
    assert gap > 1e-3 if has_places else gap < 1e-12


def test_a_triangle_reads_pair_ij_from_ik_and_jk_alone():
    torch.manual_seed(0)
    step, pairs = Triangle(8).double(), normal(1, 5, 5, 8)
    left = torch.sigmoid(step.let_left(pairs)) * step.left(pairs)
    right = torch.sigmoid(step.let_right(pairs)) * step.right(pairs)
    by_loop = sum(left[0, 1, k] * right[0, 3, k] for k in range(5))
    expected = torch.sigmoid(step.let_out(pairs[0, 1, 3])) * step.join(step.norm(by_loop))
    assert largest(step(pairs)[0, 1, 3], expected) < 1e-12


def test_a_pair_net_does_not_care_in_which_order_residues_stand():
    torch.manual_seed(0)
    net, links = PairNet(8).double(), (normal(1, 7, 7) > 0).double()
    order = torch.tensor([3, 0, 6, 1, 5, 2, 4])
    moved = net(links[:, order][:, :, order], rounds=3)
    assert largest(moved, net(links, rounds=3)[:, order][:, :, order]) < 1e-12


def test_more_rounds_are_the_same_block_again():
    torch.manual_seed(0)
    net, links = PairNet(8).double(), (normal(1, 5, 5) > 0).double()
    calls = []
    net.through.register_forward_hook(lambda *_: calls.append(1))
    net(links, rounds=4)
    assert len(calls) == 4


def test_digits_are_scikit_learns_file_with_its_notice():
    digest = hashlib.sha256(FILE.read_bytes()).hexdigest()
    assert digest == "09f66e6debdee2cd2b5ae59e0d6abbb73fc2b0e0185d2e1957e9ebb51e23aa22"
    notice = (FILE.parent / "NOTICE.md").read_text(encoding="utf-8")
    assert "scikit-learn 1.9.1" in notice
    assert "CC BY 4.0" in notice
    assert "BSD 3-Clause" in (FILE.parent / "COPYING-scikit-learn").read_text(encoding="utf-8")


def test_each_seed_splits_the_digits_anew_and_loses_none():
    (train, test), (other, _) = digits(0), digits(1)
    assert not torch.equal(train.labels, other.labels)
    assert torch.bincount(torch.cat([train.labels, test.labels])).tolist() == [
        178, 182, 177, 183, 181, 182, 181, 179, 174, 180,
    ]  # fmt: skip
