"""mmrad-eval: does looking again make the report better?"""
