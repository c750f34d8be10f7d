# Kernels are about speed: fused multiply-add is wanted there (their checks allow for rounding), and
# the scalar variants must stay scalar. Instruction sets are chosen at run time, never by -march.
file(GLOB ERGON_KERNEL_SOURCES CONFIGURE_DEPENDS "${PROJECT_SOURCE_DIR}/src/understand/kernels/*.c")
foreach(source IN LISTS ERGON_KERNEL_SOURCES)
  # Neither errno nor floating-point traps are looked at; without them, roots and choices have lanes.
  set(flags -ffp-contract=fast -fno-math-errno -fno-trapping-math -fopenmp)
  if(NOT CMAKE_BUILD_TYPE STREQUAL "Debug")
    list(APPEND flags -O3)
  elseif(CMAKE_C_COMPILER_ID MATCHES "Clang")
    list(APPEND flags -Wno-pass-failed) # clang says of each "omp simd" that -O1 has no lanes
  endif()
  if(source MATCHES "_scalar\\.c$")
    list(APPEND flags -fno-tree-vectorize -fno-tree-slp-vectorize)
  endif()
  set_source_files_properties("${source}" PROPERTIES COMPILE_OPTIONS "${flags}")
endforeach()
