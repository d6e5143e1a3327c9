"""Lesson 02: what decides its computed claims. Spans are in levels, counted as the notebook says."""

from ...ledger.decisions import CONDITIONAL, DOES_NOT_HOLD, HOLDS, OPINION, QUESTION, Decisions

decisions = Decisions()


@decisions.decides(
    "S0-03", refuted_by={"steps": 6, "words": 6, "stacked_steps": 24, "layers": 4, "operations_a_level": 1.0}
)
def order_of_steps(steps, words, stacked_steps, layers, operations_a_level):
    """the tanh chain of one layer is as long as the sentence; inside it many operations run in each level, and 4
    stacked layers take T + 3 steps, not 4 T."""
    if steps == words and operations_a_level > 1 and stacked_steps == words + layers - 1:
        return CONDITIONAL
    return HOLDS if steps == words else DOES_NOT_HOLD


@decisions.decides("S0-10", refuted_by={"encoder_points": 1, "model_points": 1})
def mixing_points(encoder_points, model_points):
    """6 attention sub-layers lie on the longest path of the encoder, 17 on that of the whole model."""
    return HOLDS if model_points >= encoder_points >= 6 else DOES_NOT_HOLD


@decisions.decides("S0-11", refuted_by={"recurrent_growth": 16.0, "transformer_growth": 1.0})
def why_parallelisable(recurrent_growth, transformer_growth):
    """from 64 to 1,024 words the work for each level grows more than tenfold in six blocks, and by less than a tenth
    in six recurrent layers."""
    return QUESTION if transformer_growth > 10 and recurrent_growth < 1.1 else DOES_NOT_HOLD


@decisions.decides("S0-18", refuted_by={"levels": 22, "levels_for_more_words": 220, "levels_of_a_sum": 3})
def matrix_product(levels, levels_for_more_words, levels_of_a_sum):
    """a product with a matrix of width 8 has one level of products and three of sums, for 6 words and for 60."""
    return HOLDS if levels == levels_for_more_words == 1 + levels_of_a_sum else DOES_NOT_HOLD


@decisions.decides("S0-23", refuted_by={"tree_levels": 999, "one_by_one_levels": 999})
def reduction(tree_levels, one_by_one_levels):
    """a sum of 1,000 terms depends on all of them, and takes 10 levels as a tree where one after the other takes 999."""
    return DOES_NOT_HOLD if tree_levels < one_by_one_levels / 10 else HOLDS


@decisions.decides("S1-21", refuted_by={"levels_a_doubling": 0, "blocks_in_sequence": 1.0})
def nothing_recursive(levels_a_doubling, blocks_in_sequence):
    """no path runs through the words, and still doubling their number adds 3 levels to a block, and six blocks take
    six times as long as one."""
    return CONDITIONAL if levels_a_doubling > 0 and blocks_in_sequence > 1 else HOLDS


@decisions.decides("S2-01", refuted_by={"attention_growth": 16.0, "recurrent_growth": 16.0, "operations_a_level": 1.0})
def parallel_and_sequential(attention_growth, recurrent_growth, operations_a_level):
    """from 64 to 1,024 words the path of a recurrent layer grows about 16 times and that of attention by less than a
    third; yet inside a recurrent layer, too, many operations share a level."""
    if attention_growth < 4 / 3 and recurrent_growth > 15:
        return CONDITIONAL if operations_a_level > 1 else HOLDS
    return DOES_NOT_HOLD


@decisions.decides("S2-18", refuted_by={"steps": 1, "words": 6})
def still_sequential(steps, words):
    """the longest chain of an Elman layer passes through one tanh for each word."""
    return HOLDS if steps == words else DOES_NOT_HOLD


@decisions.decides(
    "S2-19",
    refuted_by={"operations_a_level": 50.0, "steps": 6, "words": 6, "scan_combines": 1023, "loop_combines": 1023},
)
def local_not_global(operations_a_level, steps, words, scan_combines, loop_combines):
    """an Elman layer is parallel inside a step and not across steps; a linear recurrence over 1,024 words is, with a
    chain of 10 combines where the loop has 1,023."""
    if operations_a_level > 1 and steps == words:
        return CONDITIONAL if scan_combines < loop_combines else HOLDS
    return DOES_NOT_HOLD


@decisions.decides("S3-04", refuted_by={"encoder_points": 1})
def one_go(encoder_points):
    """the words go through together, but six times: 6 attention sub-layers wait for one another."""
    return CONDITIONAL if encoder_points > 1 else HOLDS


@decisions.decides(
    "S3-07", refuted_by={"attention_rounds_short": 4, "attention_rounds_long": 60, "steps": 6, "words": 6}
)
def all_at_once(attention_rounds_short, attention_rounds_long, steps, words):
    """an attention layer takes 4 rounds for 6 words and for 60, one after the other; the RNN takes one a word."""
    if attention_rounds_short == attention_rounds_long and steps == words:
        return CONDITIONAL if attention_rounds_long > 1 else HOLDS
    return DOES_NOT_HOLD


@decisions.decides("S3-09", refuted_by={"attention": 1, "block": 1, "six_blocks": 1, "six_recurrent_layers": 143})
def single_step(attention, block, six_blocks, six_recurrent_layers):
    """for these six words at width 512 attention with LayerNorm and residual is a chain of 69 levels, one block of
    122, six blocks of 732; six Elman layers of 143."""
    return CONDITIONAL if 1 < attention < block < six_blocks and six_recurrent_layers < six_blocks else HOLDS


@decisions.decides("S3-11", refuted_by={"path_growth": 16.0, "work_growth": 16.0})
def what_scales(path_growth, work_growth):
    """from 64 to 1,024 words the path of six blocks grows by less than a tenth, their work more than 16 times."""
    return CONDITIONAL if path_growth < 1.1 and work_growth > 16 else DOES_NOT_HOLD


@decisions.decides("S3-13", refuted_by={"operations_a_level": 1.0, "stacked_steps": 24, "layers": 4, "words": 6})
def no_parallelism(operations_a_level, stacked_steps, layers, words):
    """inside an Elman layer many operations share a level, and 4 stacked layers overlap: T + 3 steps, not 4 T."""
    return DOES_NOT_HOLD if operations_a_level > 1 and stacked_steps < layers * words else HOLDS


@decisions.decides("S3-44", refuted_by={"recurrent_growth": 16.0, "attention_growth": 16.0, "scores_growth": 16.0})
def time_for_space(recurrent_growth, attention_growth, scores_growth):
    """from 64 to 1,024 words the path of attention grows by less than a third where a recurrent layer's grows 16
    times, and its scores, the space, grow 256 times."""
    return OPINION if attention_growth < 4 / 3 < 15 < recurrent_growth and scores_growth == 256 else DOES_NOT_HOLD
