"""The article, repaired: ten points, each number from the ledger, a recording or a stored run."""

import statistics
import textwrap

from ...catalogue import lessons
from ...results import trained
from ...show import theme
from ...show.display import Page
from ...show.marks import card, tag


def repaired() -> Page:
    """The ten points on one page.

    >>> len(repaired().text.split("\\n\\n"))
    10
    """
    sentences = _sentences()
    text = "\n\n".join(textwrap.fill(f"{number}. {sentence}", 110) for number, sentence in enumerate(sentences, 1))
    items = [tag("li", sentence, style={"margin": "6px 0"}) for sentence in sentences]
    return Page(card(tag("ol", items, style={"padding-left": "22px"}), colour=theme.ATTENTION), text)


def _sentences():
    reading = _numbers("06", "S3-28")
    (rounds,) = set(reading["reading_rounds"])
    words = reading["words"]
    guessed = _numbers("01", "S0-03")
    days = _numbers("14", "S3-39")
    contexts = _numbers("14", "S3-33")
    taught = [run["outcome"] for run in trained.load("03")["elman-rounds"]["runs"].values()]
    recalled = [run["outcome"] for run in trained.load("03")["elman-holds-a-word"]["runs"].values()]
    bits = [run["outcome"] for run in trained.load("03")["bits-kept"]["runs"].values()]
    busy = _numbers("08", "S2-06")["busy_on_gpu"]
    return [
        "A recurrent net computes its states one after the other, since each is made from the one before. A Transformer's layer "
        "makes all its positions from the layer below, in a number of rounds that does not grow with the text: two blocks "
        f"take {rounds} for {words[0]} words and for {words[-1]}.",
        "That is not one step: layers follow one another. Nor is linearity the reason: softmax and feed-forward layers are "
        "not linear, and wait for nobody. A linear recurrence need not wait either: it can be computed as a tree, and so can "
        "some that are not linear.",
        "Guessed and mended, a recurrence waits as long as it remembers. One that forgets takes "
        f"{guessed['rounds_to_mend'][-1]} rounds for {guessed['words'][-1]:,} words; one that was taught to hold a word took "
        f"{statistics.median(taught):.0f}. A net with few resting places can be run in pieces instead, for many times the work.",
        "In training the decoder runs in parallel because the true words are known and a mask hides the later ones. One "
        "pass of an RNN gives a prediction at every word as well; step by step, it takes as many rounds as there are words.",
        "Writing goes word by word for both. The cache saves a Transformer from computing its past again; it is the RNN "
        "that has a state of one size.",
        "Attention's memory is everything in its window, paid for with T² work and a cache that grows. An RNN's is one vector: "
        f"taught well, it held one word over 1,000 others ({statistics.median(recalled):.0%} recalled); of 16 letters, 48 bits, "
        f"an LSTM learned to keep {statistics.median(bits):.0f} bits.",
        "Vanishing gradients hinder learning, not memory. Attention shortens the path through time, while residual "
        "connections and normalisation make depth trainable; they slow, and do not stop, the words' growing alike.",
        "Speed belongs to a device. On one core a fused LSTM learns faster at first; on a large GPU, with 16 texts, it computes at "
        f"{busy:.0%} of the rate of a large product, because its steps bring too little work to each wait.",
        "It is many devices that turn the years of GPT-3's training into weeks. By arithmetic, on 1,024 A100 at their peak, it takes "
        f"{days['transformer_days']:.1f} days, and a recurrent net of as many weights {days['recurrent_days']:.1f}, with the same batch and "
        f"words; not equal loss. With texts of a million words it would be {contexts['transformer_days'][-1]:.0f} days against "
        f"{contexts['recurrent_days'][-1]:.0f}.",
        "One block serves text, pictures, proteins, music and code, if these are cut into tokens well. At small sizes a simple "
        "method often does better; and why Transformers prevailed, by training in parallel, by recall or by scale, these "
        "experiments narrow down and do not decide.",
    ]


def _numbers(lesson_id, claim_id):
    return lessons()[lesson_id].decisions[claim_id].computed()
