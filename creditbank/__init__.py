"""The open backend of a lifelong-learning credit bank (终身学习学分银行)."""

__version__ = "0.1.0"
