# What the measuring tests need beside unit tests: machines that are not there.
if(ERGON_TESTS)
  add_executable(fake_rapl "${PROJECT_SOURCE_DIR}/tests/fixtures/fake_rapl.c")
  target_compile_definitions(fake_rapl PRIVATE _GNU_SOURCE)
  set_target_properties(fake_rapl PROPERTIES RUNTIME_OUTPUT_DIRECTORY "${CMAKE_BINARY_DIR}/tests")
endif()
