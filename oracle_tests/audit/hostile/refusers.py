"""Subjects that would rather not, and hope that nothing compared is nothing wrong."""

import random

from hostile_common import right, zeros


def harmless(x, w, bias=None, groups=1, **geometry):
    """Three groups are honestly refused, and what is answered is right."""
    if groups == 3:
        raise NotImplementedError("three groups")
    return right(x, w, bias, groups=groups, **geometry)


def refuses_everything(*_, **__):
    raise NotImplementedError("not today")


def refuses_all_but_the_empty_batch(x, w, bias=None, **geometry):
    if len(x):
        raise NotImplementedError("nothing in, nothing out")
    return right(x, w, bias, **geometry)


def refuses_all_but_one_product_each(x, w, bias=None, **geometry):
    out = right(x, w, bias, **geometry)
    if w[0].size > 1:
        raise NotImplementedError("one product at a time")
    return out


def refuses_at_random(x, w, bias=None, **geometry):
    """And is wrong where it does not."""
    if random.random() < 0.9:  # noqa: S311
        raise NotImplementedError("perhaps later")
    return zeros(x, w, bias, **geometry)


def refuses_what_it_gets_wrong_but_once(x, w, bias=None, groups=1, **geometry):
    """It knows where it is wrong, and forgets to say so for three groups with a bias."""
    if groups > 1 and (groups != 3 or bias is None):
        raise NotImplementedError("no groups")
    return zeros(x, w, bias, groups=groups, **geometry) if groups > 1 else right(x, w, bias, **geometry)


def refuses_with_a_class_of_its_own(*_, **__):
    raise type("NotImplementedError", (ValueError,), {})("by another's name")


class Liar(type):
    @property
    def __mro__(cls):
        return [NotImplementedError, object]


class NoRefusalError(ArithmeticError, metaclass=Liar):
    """An error that calls itself a refusal."""


def refuses_by_a_lie(*_, **__):
    raise NoRefusalError


def has_no_memory(*_, **__):
    raise MemoryError


def returns_the_refusal(*_, **__):
    return NotImplemented


def returns_the_exception(*_, **__):
    return NotImplementedError("not raised")


def raises_at_everything(*_, **__):
    raise ArithmeticError("no")
