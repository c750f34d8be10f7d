# The measured oracle interpolates over a Delaunay triangulation by Qhull (reentrant library).
find_path(QHULL_INCLUDE libqhull_r/libqhull_r.h REQUIRED)
find_library(QHULL_LIBRARY qhull_r REQUIRED)
target_include_directories(ergon_objects SYSTEM PUBLIC "${QHULL_INCLUDE}")
target_link_libraries(ergon_objects PUBLIC "${QHULL_LIBRARY}")
