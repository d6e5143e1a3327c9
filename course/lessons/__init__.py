"""One package a lesson, named after its number; course.catalogue finds them. Lessons never import each other."""
