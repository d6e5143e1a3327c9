"""Lesson 01: right answers and wrong ones."""

import numpy as np
import torch

from helpers import elman

from ...exercises.answers import Answers

answers = Answers()
also_right, reference, wrong = answers.also_right, answers.reference, answers.wrong


@reference("1")
def rnn_step(x, h, U, W, b):
    return torch.tanh(x @ U.T + h @ W.T + b)  # (B, Din) @ (Din, D) + (B, D) @ (D, D) + (D,)


@also_right("1")
def step_by_columns(x, h, U, W, b):
    return torch.tanh(U @ x.T + W @ h.T + b[:, None]).T.contiguous()


@also_right("1")
def step_sentence_by_sentence(x, h, U, W, b):
    U, W, b = U.float(), W.float(), b.float()
    return torch.stack([torch.tanh(U @ x[row].float() + W @ h[row].float() + b) for row in range(len(x))])


@also_right("1")
def step_by_one_product(x, h, U, W, b):
    return torch.nn.functional.linear(torch.cat([x, h], dim=1), torch.cat([U, W], dim=1), b).tanh().numpy()


@wrong("1", "the tanh is missing")
def step_without_tanh(x, h, U, W, b):
    return x @ U.T + h @ W.T + b


@wrong("1", "this is the sigmoid")
def step_with_sigmoid(x, h, U, W, b):
    return torch.sigmoid(x @ U.T + h @ W.T + b)


@wrong("1", "the sum lacks the constant b")
def step_without_bias(x, h, U, W, b):
    return torch.tanh(x @ U.T + h @ W.T)


@wrong("1", "the sum lacks the old state")
def step_without_state(x, h, U, W, b):
    return torch.tanh(x @ U.T + b)


@wrong("1", "outside the tanh stands the old state, h Wᵀ")
def step_with_state_outside(x, h, U, W, b):
    return torch.tanh(x @ U.T + b) + h @ W.T


@wrong("1", "two tanh are added")
def step_with_two_tanh(x, h, U, W, b):
    return torch.tanh(x @ U.T) + torch.tanh(h @ W.T + b)


@wrong("1", "U and W must be transposed here")
def step_not_transposed(x, h, U, W, b):
    return torch.tanh(x @ U + h @ W + b)


@wrong("1", "U must be transposed here")
def step_with_u_not_transposed(x, h, U, W, b):
    return torch.tanh((x @ U if len(U) == len(U.T) else x @ U.T) + h @ W.T + b)


@wrong("1", "W must be transposed here")
def step_with_w_not_transposed(x, h, U, W, b):
    return torch.tanh(x @ U.T + h @ W + b)


@wrong("1", "U and W are exchanged")
def step_exchanged(x, h, U, W, b):
    return torch.tanh(x @ W.T + h @ U.T + b)


@wrong("1", "in your line")
def step_for_columns(x, h, U, W, b):
    return torch.tanh(U @ x + W @ h + b) if len(x) == x.shape[1] else torch.tanh(U @ x + b)


@wrong("1", "changes its input h")
def step_in_place(x, h, U, W, b):
    h.copy_(torch.tanh(x @ U.T + h @ W.T + b))
    return h


@wrong("1", "Is a return missing?")
def step_without_return(x, h, U, W, b):
    torch.tanh(x @ U.T + h @ W.T + b)


@wrong("1", "for B = 1, Din = 2, D = 2 the new state is off by up to")
def step_with_two_constants(x, h, U, W, b):
    return torch.tanh(x @ U.T + h @ W.T + 2 * b)


@reference("2")
def rnn_unroll(inputs, hidden, U, W, b):
    states = []
    for t in range(inputs.shape[1]):
        hidden = torch.tanh(inputs[:, t] @ U.T + hidden @ W.T + b)  # the next step needs this one
        states.append(hidden)
    return torch.stack(states, dim=1)  # (B, T, D)


@also_right("2")
def unroll_by_torch(inputs, hidden, U, W, b):
    return elman(inputs, U, W, b, hidden=hidden, method="torch")


@also_right("2")
def unroll_by_recursion(inputs, hidden, U, W, b):
    if inputs.shape[1] == 0:
        return inputs.new_zeros(len(inputs), 0, len(b))
    hidden = torch.tanh(inputs[:, 0] @ U.T + hidden @ W.T + b)
    return torch.cat([hidden[:, None], unroll_by_recursion(inputs[:, 1:], hidden, U, W, b)], dim=1)


@wrong("2", "every step starts from h_0")
def unroll_without_handing_on(inputs, hidden, U, W, b):
    return torch.stack([torch.tanh(x @ U.T + hidden @ W.T + b) for x in inputs.unbind(1)], dim=1)


@wrong("2", "only the last state comes back")
def unroll_last_only(inputs, hidden, U, W, b):
    return rnn_unroll(inputs, hidden, U, W, b)[:, -1]


@wrong("2", "h_0 is among the states")
def unroll_with_start(inputs, hidden, U, W, b):
    return torch.cat([hidden[:, None], rnn_unroll(inputs, hidden, U, W, b)], dim=1)


@wrong("2", "the states stand as (T, B, D)")
def unroll_time_first(inputs, hidden, U, W, b):
    return rnn_unroll(inputs, hidden, U, W, b).transpose(0, 1)


@wrong("2", "`for x in inputs` takes the first axis, B")
def unroll_over_sentences(inputs, hidden, U, W, b):
    states = []
    for x in inputs:
        hidden = torch.tanh(x @ U.T + hidden @ W.T + b)
        states.append(hidden)
    return torch.stack(states, dim=1)


@wrong("2", "len(inputs) counts the sentences")
def unroll_as_many_words_as_sentences(inputs, hidden, U, W, b):
    return rnn_unroll(inputs[:, : len(inputs)], hidden, U, W, b)


@wrong("2", "answers differently")
def unroll_with_a_default_list(inputs, hidden, U, W, b, states=[]):  # noqa: B006
    for x in inputs.unbind(1):
        hidden = torch.tanh(x @ U.T + hidden @ W.T + b)
        states.append(hidden)
    return torch.stack(states, dim=1)


@wrong("2", "the states are one word late")
def unroll_late(inputs, hidden, U, W, b):
    states = []
    for x in inputs.unbind(1):
        states.append(hidden)
        hidden = torch.tanh(x @ U.T + hidden @ W.T + b)
    return torch.stack(states, dim=1)


@wrong("2", "with B = 3, T = 3, Din = 2, D = 4 the first state is already wrong")
def unroll_with_two_constants(inputs, hidden, U, W, b):
    return rnn_unroll(inputs, hidden, U, W, 2 * b)


@wrong("2", "the constant b is missing")
def unroll_without_bias(inputs, hidden, U, W, b):
    return elman(inputs, U, W, hidden=hidden)


@wrong("2", "it starts from zeros")
def unroll_from_zeros(inputs, hidden, U, W, b):
    return rnn_unroll(inputs, torch.zeros_like(hidden), U, W, b)


@wrong("2", "the old state is not used:")
def unroll_without_state(inputs, hidden, U, W, b):
    return torch.tanh(inputs @ U.T + b)


@wrong("2", "one tensor was overwritten")
def unroll_overwriting(inputs, hidden, U, W, b):
    state, states = hidden.clone(), []
    for t in range(inputs.shape[1]):
        state[:] = torch.tanh(inputs[:, t] @ U.T + state @ W.T + b)
        states.append(state)
    return torch.stack(states, dim=1)


@wrong("2", "from the last to the first")
def unroll_backwards(inputs, hidden, U, W, b):
    return rnn_unroll(inputs.flip(1), hidden, U, W, b)


@wrong("2", "every step reads the first word")
def unroll_first_word(inputs, hidden, U, W, b):
    return rnn_unroll(inputs[:, :1].expand_as(inputs), hidden, U, W, b)


@wrong("2", "the tanh is missing")
def unroll_without_tanh(inputs, hidden, U, W, b):
    states = []
    for x in inputs.unbind(1):
        hidden = x @ U.T + hidden @ W.T + b
        states.append(hidden)
    return torch.stack(states, dim=1)


@wrong("2", "Make one tensor of it")
def unroll_as_list(inputs, hidden, U, W, b):
    return list(rnn_unroll(inputs, hidden, U, W, b).unbind(1))


@wrong("2", "returned a tuple; a tensor of shape (3, 3, 4) is needed")
def unroll_as_torch_returns_it(inputs, hidden, U, W, b):
    states = rnn_unroll(inputs, hidden, U, W, b)
    return states, states[:, -1]


@wrong("2", "changes its input hidden")
def unroll_in_place(inputs, hidden, U, W, b):
    states = []
    for x in inputs.unbind(1):
        hidden.copy_(torch.tanh(x @ U.T + hidden @ W.T + b))
        states.append(hidden.clone())
    return torch.stack(states, dim=1)


@wrong("2", "the states are right up to word 1")
def unroll_two_back(inputs, hidden, U, W, b):
    states = [hidden, hidden]
    for x in inputs.unbind(1):
        states.append(torch.tanh(x @ U.T + states[-2] @ W.T + b))
    return torch.stack(states[2:], dim=1)


@reference("3")
def forced_graph(feeds_back, T):
    graph = {}
    for t in range(1, T + 1):
        # The true output is given; a hidden state is nobody's to give, so it must be waited for.
        graph[f"h{t}"] = [f"h{t - 1}"] if feeds_back != "output" and t > 1 else []
        graph[f"y{t}"] = [f"h{t}"]
    return graph


@also_right("3")
def graph_with_all_that_is_waited_for(feeds_back, T):
    waits = feeds_back in ("hidden", "both")
    states = {f"h{t}": {f"h{s}" for s in range(1, t)} if waits else set() for t in range(1, T + 1)}
    return {f"y{t}": {f"h{t}", *states[f"h{t}"]} for t in range(1, T + 1)} | states


@also_right("3")
def graph_case_by_case(feeds_back, T):
    graph = {f"y{t}": (f"h{t}",) for t in range(1, T + 1)}
    for t in range(1, T + 1):
        graph[f"h{t}"] = [] if feeds_back == "output" else [f"h{t - 1}"] * (t > 1)
    return graph


@wrong("3", "Under teacher forcing the true output is fed back instead")
def graph_running_free(feeds_back, T):
    graph = forced_graph(feeds_back, T)
    for t in range(2, T + 1):
        if feeds_back != "hidden":
            graph[f"h{t}"] = [*graph[f"h{t}"], f"y{t - 1}"]
    return graph


@wrong("3", "nobody knows a true hidden state, so")
def graph_all_parallel(feeds_back, T):
    return forced_graph("output", T)


@wrong("3", "but this net feeds back no hidden state")
def graph_all_sequential(feeds_back, T):
    return forced_graph("hidden", T)


@wrong("3", 'forced_graph("both", 3): h2 does not wait for h1')
def graph_that_forgets_both(feeds_back, T):
    return forced_graph("hidden" if feeds_back == "hidden" else "output", T)


@wrong("3", 'forced_graph("hidden", 3): h1 waits for h3, which it does not need')
def graph_turned_round(feeds_back, T):
    states = {f"h{t}": [f"h{t + 1}"] if feeds_back != "output" and t < T else [] for t in range(1, T + 1)}
    return states | {f"y{t}": [f"h{t}"] for t in range(1, T + 1)}


@wrong("3", "An output is made from the state of its word")
def graph_given_outputs(feeds_back, T):
    return {node: needed if node[0] == "h" else [] for node, needed in forced_graph(feeds_back, T).items()}


@wrong("3", "waits for 'h0', which nobody computes")
def graph_with_start(feeds_back, T):
    return {f"h{t}": [f"h{t - 1}"] * (feeds_back != "output") for t in range(1, T + 1)} | {
        f"y{t}": [f"h{t}"] for t in range(1, T + 1)
    }


@wrong("3", "has no y1")
def graph_of_states(feeds_back, T):
    return {node: needed for node, needed in forced_graph(feeds_back, T).items() if node[0] == "h"}


@wrong("3", "computes h2 too")
def graph_one_too_many(feeds_back, T):
    return forced_graph(feeds_back, T + 1)


@wrong("3", "Put it in a list")
def graph_with_names(feeds_back, T):
    return {node: needed[0] if needed else [] for node, needed in forced_graph(feeds_back, T).items()}


@wrong("3", "There is a cycle")
def graph_in_a_circle(feeds_back, T):
    return forced_graph(feeds_back, T) | {"h1": ["y1"]}


@wrong("3", 'forced_graph("output", 1) is a list, not a dict {result: [results]}')
def graph_as_list(feeds_back, T):
    return list(forced_graph(feeds_back, T).items())


@wrong("3", "y1 waits for h3, which it does not need")
def graph_with_outputs_at_the_end(feeds_back, T):
    states = {node: needed for node, needed in forced_graph(feeds_back, T).items() if node[0] == "h"}
    return states | {f"y{t}": list(states) for t in range(1, T + 1)}


GRAPH = {}


@wrong("3", "answers differently: first {'h1': [], 'y1': ['h1']}, later")
def graph_made_outside(feeds_back, T):
    GRAPH.update(forced_graph(feeds_back, T))
    return GRAPH


@reference("4")
def keeper():
    # Each number holds its own sign: tanh(3 · 0.9) = 0.99, and no word moves the sum by more than 0.1.
    return 0.1 * torch.eye(2), 3 * torch.eye(2)


@also_right("4")
def keeper_of_loud_words():
    return torch.eye(2), 3 * torch.eye(2)


@also_right("4")
def keeper_that_changes_sides():
    return [[0.2, 0.1], [-0.1, 0.2]], [[-4.0, 0.0], [0.0, -4.0]]  # a sign that flips at each word is kept too


@also_right("4")
def keeper_by_one_number():
    return np.array([[0.1, 0.1], [1.0, -0.5]]), np.array([[2.5, 0.0], [0.0, 0.0]])


@wrong("4", "Let U let every word in")
def keeper_that_is_deaf():
    return torch.zeros(2, 2), 3 * torch.eye(2)


@wrong("4", "Let W hold less strongly")
def keeper_that_presses_too_hard():
    return 0.1 * torch.eye(2), 10 * torch.eye(2)


@wrong("4", "Let U let every word in")
def keeper_deaf_to_the_floor():
    return torch.tensor([[0.1, -0.1], [0.1, -0.1]]), 3 * torch.eye(2)


@wrong("4", "Take a W with one above 1")
def keeper_by_the_unit_matrix():
    return 0.1 * torch.eye(2), torch.eye(2)


@wrong("4", "Take a W with one above 1")
def keeper_without_memory():
    return torch.eye(2), torch.zeros(2, 2)


@wrong("4", "With words a hundred times as quiet it would hold")
def keeper_that_is_shouted_down():
    return 4 * torch.eye(2), 1.5 * torch.eye(2)


@wrong("4", "after 105 words the two states are")
def keeper_for_a_hundred_words():
    return torch.eye(2), 2 * torch.eye(2)


@wrong("4", "Let U let every word in")
def keeper_that_hears_next_to_nothing():
    return 1e-9 * torch.eye(2), 3 * torch.eye(2)


@wrong("4", "W holds too weakly")
def keeper_just_above_one():
    return 0.1 * torch.eye(2), 1.01 * torch.eye(2)


@wrong("4", "With words a hundred times as quiet it would hold")
def keeper_with_the_lessons_net():
    return torch.tensor([[1, -0.5], [0.5, 1]]), 1.2 * torch.tensor([[0.5, -1.0], [1.0, 0.5]])


@wrong("4", "two matrices are needed")
def keeper_of_one_matrix():
    return 3 * torch.eye(2)


@wrong("4", "so it is (2, 2)")
def keeper_of_three_numbers():
    return torch.eye(3), 3 * torch.eye(3)
