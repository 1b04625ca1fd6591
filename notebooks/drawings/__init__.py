"""The figures of the chapters whose code only draws: a module for each chapter, which the chapter imports."""
