"""Reading rows of arrays in files: in ascending order, neighbouring rows by one call.

`stored` has an array's rows by the kind of its file, `several` those of many files as one; `spans`
chooses what a call reads. Nothing here knows models.
"""
