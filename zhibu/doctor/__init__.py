"""Looks an installation over, beside a running one too: what stands, what to do, and what may be mended by itself."""
