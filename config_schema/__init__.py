"""The schema of a config: the signatures of the classes and functions that it names.

Here is what the command line needs before anything heavy is loaded; `signatures` and `components`
load the library, and with it torch.
"""

from config_schema.complaints import ConfigError, complaint, exit_status

__all__ = ["ConfigError", "complaint", "exit_status"]
