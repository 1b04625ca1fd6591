"""How an answer that returns three gradients is compared: dx, dweight and dbias, one after the other."""

from minisgl.course.checks.named_results import compare_named

compare_three_gradients = compare_named("dx", "dweight", "dbias")
