"""Lesson 14: right answers and wrong ones."""

import torch

from ...exercises.answers import Answers

answers = Answers()
also_right, reference, wrong = answers.also_right, answers.reference, answers.wrong


# ---- 1: days


@reference("1")
def training_days(weights, tokens, devices, peak, used):
    flop = 6 * weights * tokens  # two there, four back
    return flop / (devices * peak * used) / 86_400


@also_right("1")
def days_in_three_steps(weights, tokens, devices, peak, used):
    multiply_adds = 3 * weights * tokens
    seconds = 2 * multiply_adds / peak / used / devices
    return seconds / 60 / 60 / 24


@also_right("1")
def days_as_tensor(weights, tokens, devices, peak, used):
    return torch.tensor(training_days(weights, tokens, devices, peak, used), dtype=torch.float64)


@wrong("1", "that is the way there alone, 2 operations for each weight and word.")
def forward_only(weights, tokens, devices, peak, used):
    return training_days(weights, tokens, devices, peak, used) / 3


@wrong("1", "that counts multiply–adds.")
def multiply_adds_only(weights, tokens, devices, peak, used):
    return training_days(weights, tokens, devices, peak, used) / 2


@wrong("1", "that is at the peak.")
def at_the_peak(weights, tokens, devices, peak, used):
    return training_days(weights, tokens, devices, peak, 1)


@wrong("1", "on the wrong side")
def multiplied_by_used(weights, tokens, devices, peak, used):
    return training_days(weights, tokens, devices, peak, 1) * used


@wrong("1", "those are hours.")
def hours(weights, tokens, devices, peak, used):
    return 24 * training_days(weights, tokens, devices, peak, used)


@wrong("1", "those are minutes.")
def minutes(weights, tokens, devices, peak, used):
    return 1440 * training_days(weights, tokens, devices, peak, used)


@wrong("1", "those are seconds.")
def seconds_only(weights, tokens, devices, peak, used):
    return 86_400 * training_days(weights, tokens, devices, peak, used)


@wrong("1", "that is one device alone.")
def one_device(weights, tokens, devices, peak, used):
    return training_days(weights, tokens, 1, peak, used)


@wrong("1", "more devices make it longer here.")
def devices_multiplied(weights, tokens, devices, peak, used):
    return training_days(weights, tokens, 1, peak, used) * devices


@wrong("1", "that is right where activations are computed twice")
def computed_twice(weights, tokens, devices, peak, used):
    return training_days(weights, tokens, devices, peak, used) * 4 / 3


@wrong("1", "Six operations for each weight and word, over what all devices do in a second")
def squared_weights(weights, tokens, devices, peak, used):
    return 6 * weights**2 / (devices * peak * used) / 86_400


@wrong("1", "Do not round.")
def whole_days(weights, tokens, devices, peak, used):
    return int(training_days(weights, tokens, devices, peak, used))


@wrong("1", "Is a return missing?")
def prints_the_days(weights, tokens, devices, peak, used):
    print(training_days(weights, tokens, devices, peak, used))


@wrong("1", "a number is needed")
def days_in_a_list(weights, tokens, devices, peak, used):
    return [training_days(weights, tokens, devices, peak, used), "days"]


# ---- 2: steps


@reference("2")
def steps_in_turn(tokens, batch_tokens, T, L):
    updates = tokens / batch_tokens
    return updates * (T + L - 1) * 2  # a wave there, and one back


@also_right("2")
def steps_by_the_last_state(tokens, batch_tokens, T, L):
    moves = (T - 1) + (L - 1)  # to the right and up, from the first state to the last
    return tokens // batch_tokens * (moves + 1) * 2


@also_right("2")
def steps_as_whole_number(tokens, batch_tokens, T, L):
    return round(2 * tokens / batch_tokens * (T + L - 1))


@wrong("2", "That is the way there alone.")
def no_way_back(tokens, batch_tokens, T, L):
    return steps_in_turn(tokens, batch_tokens, T, L) / 2


@wrong("2", "That is layer by layer. Layers overlap")
def layer_by_layer(tokens, batch_tokens, T, L):
    return tokens / batch_tokens * T * L * 2


@wrong("2", "That is layer by layer, and the way there alone.")
def layer_by_layer_there(tokens, batch_tokens, T, L):
    return tokens / batch_tokens * T * L


@wrong("2", "One step too many in each wave")
def one_too_many(tokens, batch_tokens, T, L):
    return tokens / batch_tokens * (T + L) * 2


@wrong("2", "That is an update for each text.")
def an_update_for_each_text(tokens, batch_tokens, T, L):
    return tokens / T * (T + L - 1) * 2


@wrong("2", "The batch is given in words, not in texts.")
def batch_of_texts(tokens, batch_tokens, T, L):
    return tokens / (batch_tokens * T) * (T + L - 1) * 2


@wrong("2", "That is one layer. The wave has to reach the top one")
def without_layers(tokens, batch_tokens, T, L):
    return tokens / batch_tokens * T * 2


@wrong("2", "That is one layer, and the way there alone.")
def without_layers_there(tokens, batch_tokens, T, L):
    return tokens / batch_tokens * T


@wrong("2", "That is one update.")
def one_update(tokens, batch_tokens, T, L):
    return (T + L - 1) * 2


@wrong("2", "Batches, times the steps of a wave, there and back.")
def every_word_in_turn(tokens, batch_tokens, T, L):
    return tokens * L


@wrong("2", "Is a return missing?")
def prints_the_steps(tokens, batch_tokens, T, L):
    print(steps_in_turn(tokens, batch_tokens, T, L))


# ---- 3: where attention is cheaper


@reference("3")
def cheaper_up_to(gates, d):
    # 4 n d² + 2 n² d < 2 gates n d²; divided by 2 n d: 2 d + n < gates d
    return max(0, (gates - 2) * d - 1)


@also_right("3")
def cheaper_by_trying(gates, d):
    def attention(n):
        return 4 * n * d**2 + 2 * n**2 * d

    return max((n for n in range(1, 2 * gates * d) if attention(n) < 2 * gates * n * d**2), default=0)


@also_right("3")
def cheaper_as_tensor(gates, d):
    n = torch.arange(1, gates * d + 1)
    return (4 * d + 2 * n < 2 * gates * d).sum()


@wrong("3", "that is Table 1, n < d")
def as_table_1(gates, d):
    return d - 1


@wrong("3", "you left out attention's four projections")
def no_projections(gates, d):
    return gates * d - 1


@wrong("3", "one of attention's two products over n²")
def one_product(gates, d):
    return max(0, 2 * (gates - 2) * d - 1)


@wrong("3", "you counted three projections")
def three_projections(gates, d):
    return max((n for n in range(1, 2 * gates * d) if 3 * d + 2 * n < 2 * gates * d), default=0)


@wrong("3", "you counted the weights from state to state alone")
def recurrent_weights_only(gates, d):
    return max((n for n in range(1, 2 * gates * d) if 4 * d + 2 * n < gates * d), default=0)


@wrong("3", "at this n the two cost the same")
def equal_counts(gates, d):
    return max(0, (gates - 2) * d)


@wrong("3", "that is attention that looks back only")
def causal(gates, d):
    return max(0, 2 * (gates - 2) * d - 2)


@wrong("3", "Where attention is never cheaper, the answer is 0.")
def below_zero(gates, d):
    return (gates - 2) * d - 1


@wrong("3", "no number of words. The largest whole n is asked for")
def a_half(gates, d):
    return (gates - 2) * d - 0.5


@wrong("3", "and at 2 attention is still cheaper")
def only_a_gru(gates, d):
    return 1 if gates >= 3 else 0


@wrong("3", "not fewer.")
def ten_times_too_many(gates, d):
    return 10 * gates * d


@wrong("3", "Is a return missing?")
def prints_the_largest(gates, d):
    print(cheaper_up_to(gates, d))


# ---- 4: what was paid for


@reference("4")
def share_paid(weights, tokens, phases, peak):
    chip_seconds = 3600 * sum(chips * hours for chips, hours in phases)
    return 6 * weights * tokens / (chip_seconds * peak)


@also_right("4")
def share_by_phases(weights, tokens, phases, peak):
    possible = 0.0
    for chips, hours in phases:
        possible += chips * peak * hours * 60 * 60
    return 6.0 * weights * tokens / possible


@also_right("4")
def share_as_tensor(weights, tokens, phases, peak):
    hours = torch.tensor(phases, dtype=torch.float64).prod(dim=1).sum()
    return 6.0 * weights * tokens / (3600 * peak * hours)


@wrong("4", "That is the first phase's chip hours alone.")
def first_phase(weights, tokens, phases, peak):
    return share_paid(weights, tokens, phases[:1], peak)


@wrong("4", "That takes the most chips for all hours.")
def most_chips(weights, tokens, phases, peak):
    return share_paid(weights, tokens, [(max(chips for chips, _ in phases), hours) for _, hours in phases], peak)


@wrong("4", "That takes all chips for all hours.")
def all_chips_all_hours(weights, tokens, phases, peak):
    chips, hours = (sum(column) for column in zip(*phases, strict=True))
    return share_paid(weights, tokens, [(chips, hours)], peak)


@wrong("4", "That is the way there alone, 2 N D.")
def way_there(weights, tokens, phases, peak):
    return share_paid(weights, tokens, phases, peak) / 3


@wrong("4", "That counts multiply–adds")
def in_multiply_adds(weights, tokens, phases, peak):
    return share_paid(weights, tokens, phases, peak) / 2


@wrong("4", "That is 8 N D")
def with_activations_twice(weights, tokens, phases, peak):
    return share_paid(weights, tokens, phases, peak) * 4 / 3


@wrong("4", "An hour has 3,600 seconds.")
def hours_for_seconds(weights, tokens, phases, peak):
    return share_paid(weights, tokens, phases, peak) * 3600


@wrong("4", "That is per cent.")
def in_per_cent(weights, tokens, phases, peak):
    return share_paid(weights, tokens, phases, peak) * 100


@wrong("4", "over what all these chips could have done in all their hours")
def upside_down(weights, tokens, phases, peak):
    return 1 / share_paid(weights, tokens, phases, peak)


@wrong("4", "Is a return missing?")
def prints_the_share(weights, tokens, phases, peak):
    print(share_paid(weights, tokens, phases, peak))
