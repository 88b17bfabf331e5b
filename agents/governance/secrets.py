"""What is derived from the master key: each part of governance has a subkey for its own purpose.

```
master key ─┬─ secret-hashes   keyed hashes of the secrets of API keys
            ├─ signing-keys    wraps the keys under which producers sign
            ├─ vouchers        Asahi's own word for messages it sends on: where they came from and when
            └─ data-keys       wraps the keys under which prompts and answers are encrypted
```
"""

from __future__ import annotations

from streams.master_key import MasterKey, Purpose, load_master_key, require_master_key

__all__ = ["MasterKey", "Purpose", "load_master_key", "require_master_key"]
