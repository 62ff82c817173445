"""The demo story: a town's bell society, added in one action and removed in one."""
