"""Eight sentences of the documents, each in words of its own, for the exercise on saying the same."""

from ...ledger import claims

SENTENCES = {
    "S0-02": "The second state is made from the first one and the second word.",
    "S3-08": "No state of an RNN can be computed before the one of the step before is there.",
    "S0-03": "An RNN is strictly sequential: nothing of an example can run in parallel.",
    "S1-08": "In an RNN each word has to wait for the word before it.",
    "S3-13": "As each step has to be complete before the next one begins, an RNN computes nothing in parallel.",
    "S3-32": "Transformers scale to massive data sets.",
    "S3-46": "Huge amounts of data are within the reach of a Transformer.",
    "S2-16": "RNNs went out of use because of what they can hold in memory, not because of parallelism.",
}
STATEMENTS = {name: claims()[name].ids[0] for name in SENTENCES}
