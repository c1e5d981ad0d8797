"""What training in a cluster saves, costs and loses; `__main__` says how it is measured."""
