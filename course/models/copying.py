"""torch's own Transformer layers as ours, with the same weights: to see that the parts are all there."""

import torch
import torch.nn.functional as F
from torch import nn

from .transformer import Attention, Block, Blocks, FeedForward, Sublayer


def like_torch(module: nn.Module) -> nn.Module:
    """Our Attention, Block or Blocks with the weights of torch's module; dropout is left out.

    module: nn.MultiheadAttention, nn.TransformerEncoderLayer, nn.TransformerDecoderLayer, nn.TransformerEncoder or
    nn.TransformerDecoder, with biases and, in layers, ReLU. Raises TypeError for any other. Ours takes (B, T, D),
    whichever order torch's module takes.

    >>> theirs = nn.TransformerEncoderLayer(16, 4, 64, batch_first=True)
    >>> sum(weight.numel() for weight in like_torch(theirs).parameters())
    3280
    """
    if isinstance(module, nn.MultiheadAttention):
        ours = _attention(module)
    elif isinstance(module, (nn.TransformerEncoderLayer, nn.TransformerDecoderLayer)):
        ours = _block(module)
    elif isinstance(module, (nn.TransformerEncoder, nn.TransformerDecoder)):
        ours = _blocks(module)
    else:
        raise TypeError(
            f"like_torch copies torch's attention, Transformer layers and stacks of them, not {module!r:.80}."
        )
    return ours.train(module.training)


def _attention(module):
    if module.in_proj_weight is None or module.in_proj_bias is None:
        raise TypeError("like_torch copies attention with biases, and keys and values as wide as the queries.")
    ours = Attention(module.embed_dim, module.num_heads)
    stacked = zip(module.in_proj_weight.chunk(3), module.in_proj_bias.chunk(3), strict=True)
    for linear, (weight, bias) in zip((ours.query, ours.key, ours.value), stacked, strict=True):
        linear.weight.data, linear.bias.data = weight.data.clone(), bias.data.clone()
    _copy(ours.join, module.out_proj)
    return ours


def _block(layer):
    if layer.activation not in (F.relu, torch.relu) and not isinstance(layer.activation, nn.ReLU):
        raise TypeError(
            f"like_torch copies layers with a ReLU; make torch's with activation='relu', not {layer.activation}."
        )
    crossed = isinstance(layer, nn.TransformerDecoderLayer)
    ours = Block(
        layer.self_attn.embed_dim,
        layer.self_attn.num_heads,
        layer.linear1.out_features,
        norm="before" if layer.norm_first else "after",
        crossed=crossed,
    )
    feed_forward = FeedForward(layer.linear1.in_features, layer.linear1.out_features)
    _fill(ours.attention, _attention(layer.self_attn), layer.norm1)
    _copy(feed_forward.up, layer.linear1)
    _copy(feed_forward.down, layer.linear2)
    if crossed:
        _fill(ours.crossing, _attention(layer.multihead_attn), layer.norm2)
    _fill(ours.feed_forward, feed_forward, layer.norm3 if crossed else layer.norm2)
    return ours


def _blocks(stack):
    ours = Blocks(0, 1, 1, final=False)
    ours.blocks.extend(_block(layer) for layer in stack.layers)
    if stack.norm is not None:
        ours.final = _copy(nn.LayerNorm(stack.norm.normalized_shape, stack.norm.eps), stack.norm)
    return ours


def _fill(sublayer: Sublayer, part, norm):
    sublayer.part, sublayer.norm.eps = part, norm.eps
    _copy(sublayer.norm, norm)


def _copy(ours, theirs):
    """All weights of a linear layer or LayerNorm, in their dtype."""
    for weight, other in zip(ours.parameters(), theirs.parameters(), strict=True):
        weight.data = other.data.clone()
    return ours
