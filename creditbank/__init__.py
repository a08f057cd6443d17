"""The open backend of a lifelong-learning credit bank (终身学习学分银行)."""
