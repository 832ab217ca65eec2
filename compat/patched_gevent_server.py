"""As `compat.gevent_server`, patched before anything else is imported."""

import sys

from gevent import monkey

monkey.patch_all()

from compat.gevent_server import main  # noqa: E402

main(sys.argv[1:])
