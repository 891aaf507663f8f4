"""Executes a training script as it is, with the meter on: `python -m ...training_cost.script train.py --epochs 1`.

Which module is the model is seen in its first step: the outermost one that was called and has parameters which the
optimizer holds. From then on it is metered; that first step, the slowest in any case, is not.
"""

import runpy
import sys
from contextlib import ExitStack
from pathlib import Path
from typing import Any, Final

from edgewatt.collectors.runtimes.training_cost.cost import Cost
from edgewatt.collectors.runtimes.training_cost.meter import training

MODULE: Final = "edgewatt.collectors.runtimes.training_cost.script"
NO_STEP: Final = "edgewatt: the script made no step of a torch optimizer after a module was called; nothing was metered"


def main() -> None:
    """Execute the script that is named, with its arguments."""
    if len(sys.argv) < 2 or not Path(sys.argv[1]).is_file():
        sys.exit(f"{sys.argv[1] if len(sys.argv) > 1 else 'SCRIPT'}: there is no such script of Python")
    script = sys.argv[1]
    sys.argv = sys.argv[1:]
    sys.path[0] = str(Path(script).resolve().parent)
    try:
        import torch  # noqa: F401, PLC0415  # the hooks are torch's
    except ImportError:
        sys.exit("--training needs torch beside the script: pip install 'edgewatt[finetuning]'")
    with ExitStack() as stack:
        watched = Watched(stack)
        try:
            runpy.run_path(script, run_name="__main__")
        finally:
            stack.close()
            print(watched.cost if watched.cost is not None else NO_STEP, file=sys.stderr)


class Watched:
    """Every module and optimizer until a step shows which of them belong together."""

    def __init__(self, stack: ExitStack) -> None:
        from torch.nn.modules.module import (  # noqa: PLC0415
            register_module_forward_hook,
            register_module_forward_pre_hook,
        )
        from torch.optim.optimizer import register_optimizer_step_post_hook  # noqa: PLC0415

        self.cost: Cost | None = None
        self._stack = stack
        self._depth = 0
        self._outermost: dict[int, Any] = {}
        self._hooks = [
            register_module_forward_pre_hook(self._called),
            register_module_forward_hook(self._returned, always_call=True),
            register_optimizer_step_post_hook(self._stepped),
        ]
        stack.callback(self._let_go)

    def _called(self, module: Any, *_: Any) -> None:
        if self._depth == 0:
            self._outermost[id(module)] = module
        self._depth += 1

    def _returned(self, *_: Any) -> None:
        self._depth = max(self._depth - 1, 0)

    def _stepped(self, optimizer: Any, *_: Any) -> None:
        if self.cost is not None:
            return
        held = {id(one) for group in optimizer.param_groups for one in group["params"]}
        found = [
            module
            for module in self._outermost.values()
            if any(one.requires_grad and id(one) in held for one in module.parameters())
        ]
        if found:
            for hook in self._hooks[:-1]:  # torch goes through those of steps just now: that one stays until the end
                hook.remove()
            largest = max(found, key=lambda module: sum(one.numel() for one in module.parameters()))
            self.cost = self._stack.enter_context(training(largest, optimizer))
            self._outermost = {}

    def _let_go(self) -> None:
        for hook in self._hooks:
            hook.remove()
        self._outermost = {}


if __name__ == "__main__":
    main()
