"""Pictures that Bluetit draws itself."""
