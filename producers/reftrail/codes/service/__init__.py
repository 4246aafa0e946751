"""Service of codes: every act on a code, in transactions of its store.

Begin with `service`, which lists the acts. `issuing`, `lifecycle`, `reissue`, `imports` and
`format_admin` carry them out; `verification` says what a text is.
"""

from reftrail.codes.service.service import CodeService

__all__ = ["CodeService"]
