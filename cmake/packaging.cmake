include(GNUInstallDirs)
install(TARGETS ergon ergon_static ergon_shared)
install(DIRECTORY include/ergon DESTINATION ${CMAKE_INSTALL_INCLUDEDIR})
install(DIRECTORY data/ DESTINATION ${CMAKE_INSTALL_DATADIR}/ergon)
