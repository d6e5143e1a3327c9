"""The training loop: repeatable, interruptible, silent outside a notebook, and plain about what went wrong."""

import math
import os
import signal

import pytest
import torch
from torch import nn

from course.errors import CourseError
from course.show.watching import picture, watch_in_notebook
from course.training import Training, train


def numbers(generator):
    return torch.rand(8, 3, generator=generator)


def error(model, batch):
    return (model(batch) - batch.sum(dim=-1, keepdim=True)).square().mean()


def line():
    return nn.Linear(3, 1)


def weights(run):
    return torch.cat([weight.detach().flatten() for weight in run.model.parameters()])


def test_the_same_seed_gives_the_same_result_and_another_another():
    first, again, other = (train(line, numbers, error, steps=20, seed=seed) for seed in (3, 3, 4))
    assert first.curve == again.curve
    assert torch.equal(weights(first), weights(again))
    assert not torch.equal(weights(first), weights(other))


def test_the_seed_is_that_of_the_start_too():
    first, again, other = (train(line, lambda _: torch.ones(8, 3), error, steps=1, seed=seed) for seed in (3, 3, 4))
    assert first.curve == again.curve != other.curve


def test_dropout_repeats_too_and_the_caller_keeps_its_random_numbers():
    def net():
        return nn.Sequential(nn.Linear(3, 4), nn.Dropout(0.5), nn.Linear(4, 1))

    torch.manual_seed(0)
    expected = torch.rand(2)
    torch.manual_seed(0)
    first = train(net, numbers, error, steps=5)
    assert torch.equal(torch.rand(2), expected)
    assert train(net, numbers, error, steps=5).curve == first.curve
    assert not first.model.training


def test_a_module_is_trained_in_place_and_learns():
    model = line()
    run = train(model, numbers, error, steps=300, lr=0.05)
    assert run.model is model
    assert [step for step, _ in run.curve] == list(range(1, 301))
    assert run.curve[-1][1] < 1e-3 < run.curve[0][1]
    assert run.steps == 300
    assert not run.interrupted


def test_seconds_are_a_limit_too():
    run = train(line, numbers, error, seconds=0.05)
    assert run.steps >= 1
    assert run.seconds >= 0.05


def test_one_thread_inside_and_given_back(one_thread):  # which puts back what was set before
    torch.set_num_threads(2)
    inside = []

    def note(model, batch):
        inside.append(torch.get_num_threads())
        return error(model, batch)

    train(line, numbers, note, steps=2)
    assert inside == [1, 1]
    assert torch.get_num_threads() == 2


def test_an_interrupt_ends_the_step_first_and_keeps_what_is_there():
    def interrupted(model, batch):
        interrupted.calls += 1
        if interrupted.calls == 3:
            os.kill(os.getpid(), signal.SIGINT)
        return error(model, batch)

    interrupted.calls = 0
    handler = signal.getsignal(signal.SIGINT)
    run = train(line, numbers, interrupted, steps=10)
    assert run.interrupted
    assert torch.equal(weights(run), weights(train(line, numbers, error, steps=3)))
    assert signal.getsignal(signal.SIGINT) is handler


def test_an_interrupt_that_python_raises_is_kept_too():
    def raises(model, batch):
        raise KeyboardInterrupt

    run = train(line, numbers, raises, steps=10)
    assert (run.steps, run.interrupted, run.model.training) == (0, True, False)


def test_the_first_steps_are_shorter_in_a_warm_up():
    def moved(warm_up):
        model = nn.Linear(3, 1, bias=False)
        nn.init.zeros_(model.weight)
        train(model, numbers, error, steps=1, lr=0.1, warm_up=warm_up)
        return model.weight.abs().max().item()

    assert moved(0) == pytest.approx(0.1, rel=1e-3)  # Adam's first step is lr long
    assert moved(9) == pytest.approx(0.01, rel=1e-3)


def test_a_long_gradient_is_cut_to_one():
    seen = []

    class Tall(nn.Linear):
        def register(self):
            self.weight.register_post_accumulate_grad_hook(lambda weight: seen.append(weight.grad.norm().item()))

    model = Tall(3, 1)
    model.register()
    train(model, numbers, lambda net, batch: 1e6 * error(net, batch), steps=1)
    assert seen[0] > 100
    length = torch.cat([weight.grad.flatten() for weight in model.parameters()]).norm().item()
    assert length == pytest.approx(1, rel=1e-4)


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        ({"loss": lambda model, batch: error(model, batch) * torch.nan}, "step 1: the loss is nan. Look at the inputs"),
        ({"batches": lambda generator: torch.tensor([[1.0, torch.inf, 0.0]])}, "a number in the batch is nan"),
        ({"lr": 1e30}, "Training stopped at step .*The loss before it was .* a smaller lr"),
    ],
)
def test_what_is_not_finite_stops_with_one_sentence(change, sentence):
    with pytest.raises(CourseError, match=sentence):
        train(**{"model": line, "batches": numbers, "loss": error, "steps": 9} | change)


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        ({}, "give one of steps and seconds"),
        ({"steps": 1, "seconds": 1}, "give one of steps and seconds"),
        ({"steps": 0}, "steps and seconds are positive"),
        ({"seconds": -1}, "steps and seconds are positive"),
        ({"seconds": math.nan}, "steps and seconds are positive"),
        ({"steps": 1, "model": nn.ReLU}, "ReLU has no weights"),
        ({"steps": 1, "loss": lambda model, batch: model(batch)}, r"given: a tensor of shape \(8, 1\)"),
        ({"steps": 1, "loss": lambda model, batch: 0.5}, "given: 0.5"),
    ],
)
def test_what_cannot_be_trained_is_told(change, sentence):
    with pytest.raises(ValueError, match=sentence):
        train(**{"model": line, "batches": numbers, "loss": error} | change)


def test_a_run_says_whether_it_learned_what_the_text_says():
    run = Training(nn.ReLU(), "9 steps", curve=[(1, 0.5)])
    assert run.says("loss", 2.5, at_most=2.6) == "As the text says: loss at most 2.6."
    assert "loss 2.7, not at most 2.6. Other seeds" in run.says("loss", 2.7, at_most=2.6)
    assert "nan, not at least 0.9" in run.says("recall", float("nan"), at_least=0.9)
    run.interrupted = True
    assert "interrupted after 1 step of 9 steps" in run.says("recall", 0.1, at_least=0.9)
    with pytest.raises(TypeError, match="one of at_least and at_most"):
        run.says("recall", 0.1)


def test_watching_sees_every_step_and_the_end():
    shares = []
    train(line, numbers, error, steps=4, watch=lambda run, share: shares.append((run.steps, share)))
    assert shares == [(1, 0.25), (2, 0.5), (3, 0.75), (4, 1.0)]


def test_nothing_is_shown_outside_a_notebook(capsys):
    train(line, numbers, error, steps=2)
    assert capsys.readouterr() == ("", "")


def test_in_a_notebook_one_picture_is_drawn_anew_and_its_text_stays(monkeypatch):
    class Shell:
        kernel = True

    class Handle:
        def update(self, page):
            drawn.append(page)

    def display(page, display_id):
        drawn.append(page)
        return Handle()

    drawn = []
    monkeypatch.setattr("IPython.get_ipython", Shell)
    monkeypatch.setattr("IPython.display.display", display)
    run = train(line, numbers, error, steps=50)
    assert {page.text for page in drawn} == {"Training, 50 steps: loss over the steps."}
    assert "step 50" in drawn[-1].html
    assert "s left" not in drawn[-1].html
    assert run.steps == 50


def test_the_picture_of_a_run_holds_its_curve_and_the_time_left():
    curve = [(step, 3 - step / 1000) for step in range(1, 1001)]
    page = picture(curve, 0.5, "2000 steps", seconds=10.0, interrupted=False)
    assert "10 s left" in page.html
    assert page.html.count(",") < 200, "means of several steps, not every one"
    assert "interrupted, of 2000 steps" in picture(curve, 0.5, "2000 steps", 10.0, True).html
    assert "svg" not in picture([], 0.0, "9 steps", 0.0, True).html


def test_a_watcher_outside_a_notebook_does_nothing():
    assert watch_in_notebook("9 steps")(None, 1.0) is None
